"""The gate: the conditions under which a candidate may take the place of the live model.

Both models are measured on the same comments, which neither was trained on, each at its own thresholds. Every
condition that fails is an objection in one sentence.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from time import process_time

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moderation.domain.binomial import clopper_pearson_upper, min_sample_size
from moderation.domain.budget import refute
from moderation.domain.comment import Comment
from moderation.domain.general_guarantee import GeneralGuarantees, min_sites
from moderation.features.parsed_comment import ParsedComment
from moderation.registry.model_card import ModelCard
from moderation.scoring.batches import probabilities
from moderation.scoring.model import Model, score
from moderation.training.calibration import MIN_SITE_HAM
from moderation.training.corpus import Corpus
from moderation.training.evaluation import RATES, ScoredCorpus, balanced_weights, calibration_error, outcomes
from moderation.training.folds import deduplicate, template_key, text_keys
from moderation.training.obfuscators import Obfuscator, obfuscators
from moderation.training.paired import chance_of, gain
from moderation.training.slices import language_of

CONFIDENCE = 0.95
MIN_COMMENTS = 20
"""Comments of each label that a comparison needs, and comments of a label that a site or language needs to count."""
MAX_WORSE = {"lost": 0.002, "held": 0.01, "caught": 0.02, "blocked": 0.05}
"""By how much a rate may be worse over all comments: about the sampling error of a few thousand comments."""
MAX_WORSE_PART = {"lost": 0.01, "held": 0.05, "caught": 0.05, "blocked": 0.1}
"""By how much a rate may be worse within one language or site, where the difference is beyond chance."""
MAX_CALIBRATION_LOSS = 0.02
MAX_ROBUSTNESS_LOSS = 0.05
"""By how much less obfuscated spam may be caught, over all obfuscators, and twice as much for a single one."""
MAX_OBFUSCATED = 20
MAX_OBFUSCATED_CHARACTERS = 100_000
"""Spam comments that each obfuscator changes, and their length together: the longest texts take most of the time."""
MAX_SLOWDOWN = 1.5
"""Limit of the ratio of two processor times, which a busy machine disturbs."""
MAX_TIMED = 100
"""Comments whose scores are timed."""

_MAX_PER_TEMPLATE = 2
_TIMING_ROUNDS = 5
_SEED = 20261129
_NAMES = {"lost": "ham lost", "held": "ham held", "caught": "spam caught", "blocked": "spam blocked"}


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """A model with its card and its probability for each comment of the holdout."""

    model: Model
    card: ModelCard
    probabilities: NDArray[np.float64]

    def outcomes(self, spam: NDArray[np.bool_]) -> pd.DataFrame:
        """Return 0 or 1 for each comment in the columns `RATES`, by the verdicts at the model's thresholds."""
        return outcomes(ScoredCorpus(self.model, self.probabilities).verdicts(), spam)


def objections(
    candidate: tuple[Model, ModelCard],
    champion: tuple[Model, ModelCard],
    holdout: Corpus,
    report: Callable[[str], None],
) -> list[str]:
    """Return a sentence for each condition of the gate that a candidate fails; none if it may go live.

    At most two spam comments of a template count, so that one campaign does not decide.
    """
    holdout = holdout.where(_without_campaigns(holdout))
    spam, ham = int(holdout.spam.sum()), int((~holdout.spam).sum())
    if min(spam, ham) < MIN_COMMENTS:
        counted = f"the comparison has {spam} different spam and {ham} different ham comments"
        return [f"{counted}; {MIN_COMMENTS} of each are needed"]
    report(f"Comparing {candidate[0].id} with {champion[0].id} on {spam} spam and {ham} ham comments.")
    new, old = (Contender(model, card, score_corpus(model, holdout)) for model, card in (candidate, champion))
    return [
        *_seen(new, old, holdout),
        *_no_gain(new, old, holdout),
        *_worse_rates(new, old, holdout),
        *_worse_parts(new, old, holdout),
        *_broken_guarantee(new, old, holdout),
        *_worse_calibration(new, old, holdout),
        *_less_robust(new, old, holdout),
        *_slower(new, old, holdout),
    ]


def score_corpus(model: Model, corpus: Corpus) -> NDArray[np.float64]:
    """Return the spam probability of each comment by the weights of its site, shape (n_comments,)."""
    urls = [corpus.site_url(index) for index in range(len(corpus.comments))]
    return score_comments(model, corpus.comments, urls)


def score_comments(model: Model, comments: Sequence[Comment], site_urls: Sequence[str]) -> NDArray[np.float64]:
    """Return the spam probability of each comment by the weights of its site, shape (n_comments,)."""
    scores = np.empty(len(comments))
    numbers = {url: number for number, url in enumerate(dict.fromkeys(site_urls))}
    sites = np.array([numbers[url] for url in site_urls], dtype=np.int64)
    for url, site in numbers.items():
        rows = np.flatnonzero(sites == site).tolist()
        scores[rows] = list(probabilities(model.for_site(url), [comments[i] for i in rows]))
    return scores


def _without_campaigns(corpus: Corpus) -> NDArray[np.bool_]:
    keys = text_keys(corpus.comments, np.arange(len(corpus.comments)))
    return deduplicate(keys, corpus.spam, _MAX_PER_TEMPLATE)


def _seen(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    """Yield the files that a model was trained on: it knows their answers."""
    for contender in (new, old):
        digests = {corpus.digest for corpus in contender.card.corpora}
        for file in holdout.source_files:
            if file.digest in digests:
                yield f"{contender.model.id} was trained on {file.source}, so that the comparison says nothing"


def _no_gain(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    groups = np.unique([template_key(comment) for comment in holdout.comments], return_inverse=True)[1]
    measured = gain(new.probabilities, old.probabilities, holdout.spam, groups, CONFIDENCE)
    if not measured.lower > 0:
        yield (
            f"no gain is proved: a comment is predicted better by {measured.bits:+.4f} bits, and with "
            f"{CONFIDENCE:.0%} confidence by more than {measured.lower:+.4f} only"
        )


def _worse_rates(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    before, after = old.outcomes(holdout.spam).mean(), new.outcomes(holdout.spam).mean()
    for rate in RATES:
        if _worsening(rate, before[rate], after[rate]) > MAX_WORSE[rate]:
            yield (
                f"{_NAMES[rate]} goes from {before[rate]:.2%} to {after[rate]:.2%}, "
                f"more than {MAX_WORSE[rate]:.1%} worse"
            )


def _worse_parts(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    """Compare the rates of each site and each language.

    The more of them there are, the stronger a proof each one needs (Bonferroni).
    """
    before, after = old.outcomes(holdout.spam), new.outcomes(holdout.spam)
    parts = [(name, mask) for name, mask in _parts(holdout) if mask.sum() >= MIN_COMMENTS]
    limit = (1 - CONFIDENCE) / max(1, len(parts) * len(RATES))
    for name, mask in parts:
        for rate in RATES:
            was, becomes = before[rate][mask].dropna(), after[rate][mask].dropna()
            if len(was) < MIN_COMMENTS:
                continue
            change = (becomes - was) * (1 if rate in ("lost", "held") else -1)
            worse = _worsening(rate, was.mean(), becomes.mean()) > MAX_WORSE_PART[rate]
            if worse and chance_of(int((change > 0).sum()), int((change < 0).sum())) < limit:
                yield f"{_NAMES[rate]} {name} goes from {was.mean():.2%} to {becomes.mean():.2%}"


def _broken_guarantee(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    guarantees, former = new.card.general_guarantees, old.card.general_guarantees
    if guarantees is None:
        if former is not None:
            yield from _unproved_rates(new, former, holdout)
        return
    for name in ("review", "spam", "discard"):
        given, had = getattr(guarantees, name), getattr(former, name, None)
        if had and (given.max_rate > had.max_rate or given.coverage < had.coverage):
            yield (
                f"the {name} threshold promises at most {given.max_rate:.3%} on {given.coverage:.0%} of new sites, "
                f"where that of {old.model.id} promises {had.max_rate:.3%} on {had.coverage:.0%}"
            )
    lost, lost_before = (each.outcomes(holdout.spam)["lost"].dropna() for each in (new, old))
    if lost.sum() > lost_before.sum() and refute(
        guarantees.spam.threshold, guarantees.spam.max_rate, len(lost), int(lost.sum()), CONFIDENCE
    ):
        yield (
            f"the guarantee does not hold: {int(lost.sum())} of {len(lost)} ham comments are lost, "
            f"where at most {guarantees.spam.max_rate:.2%} may be"
        )


def _unproved_rates(new: Contender, former: GeneralGuarantees, holdout: Corpus) -> Iterator[str]:
    """Yield the rates of the former guarantee that the holdout's ham does not prove for the candidate.

    A candidate of few sites has no guarantee for others. The ham of these sites, which came after all that it was
    trained on, can prove the thresholds there. Each bound is that of Clopper and Pearson.
    """
    rates = new.outcomes(holdout.spam)[["lost", "held"]].dropna()
    for name, errors, rate in (
        ("lost", int(rates["lost"].sum()), max(former.spam.max_rate, former.discard.max_rate)),
        ("held or lost", int(rates.to_numpy().sum()), former.review.max_rate),
    ):
        if clopper_pearson_upper(errors, len(rates), CONFIDENCE) > rate:
            sites = max(min_sites(each.coverage) for each in (former.review, former.spam, former.discard))
            yield (
                f"{new.model.id} has no general guarantee, which takes {sites} sites with {MIN_SITE_HAM} ham comments "
                f"each, of which it knows {new.card.site_count}; nor is its rate proved: {errors} of {len(rates)} ham "
                f"comments are {name}, and a proof of at most {rate:.2%} takes {min_sample_size(rate, CONFIDENCE):,} "
                "ham comments, and more if any of them is"
            )


def _worse_calibration(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    weights = balanced_weights(holdout.spam)
    becomes, was = (calibration_error(each.probabilities, holdout.spam, weights) for each in (new, old))
    if becomes > was + MAX_CALIBRATION_LOSS:
        yield f"the calibration error goes from {was:.3f} to {becomes:.3f}, more than {MAX_CALIBRATION_LOSS:g} worse"


def _less_robust(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    """Compare how much spam is caught after each obfuscator of the suite has hidden it."""
    rng = Random(_SEED)
    rows = np.flatnonzero(holdout.spam).tolist()
    sample = [holdout.comments[i] for i in rng.sample(rows, min(MAX_OBFUSCATED, len(rows)))]
    suite = obfuscators([holdout.comments[i].text for i in np.flatnonzero(~holdout.spam).tolist()])
    losses = []
    for name, obfuscate in suite.items():
        hidden = _obfuscated(sample, obfuscate, rng)
        change = _caught(old.model, hidden) - _caught(new.model, hidden)
        losses.append(float(change.mean()))
        chance = chance_of(int((change > 0).sum()), int((change < 0).sum()))
        if losses[-1] > 2 * MAX_ROBUSTNESS_LOSS and chance < (1 - CONFIDENCE) / len(suite):
            yield f"{losses[-1]:.1%} less spam is caught behind an obfuscation: {name}"
    if (mean := sum(losses) / len(losses)) > MAX_ROBUSTNESS_LOSS:
        yield f"{mean:.1%} less obfuscated spam is caught"


def _obfuscated(sample: Sequence[Comment], obfuscate: Obfuscator, rng: Random) -> list[Comment]:
    hidden: list[Comment] = []
    length = 0
    for comment in sample:
        hidden.append(replace(comment, text=obfuscate(comment.text, rng)))
        length += len(hidden[-1].text)
        if length > MAX_OBFUSCATED_CHARACTERS:
            break
    return hidden


def _slower(new: Contender, old: Contender, holdout: Corpus) -> Iterator[str]:
    """Compare the processor time of a score: the least of five rounds in turn."""
    comments = Random(_SEED).sample(list(holdout.comments), min(MAX_TIMED, len(holdout.comments)))
    rounds = [[_seconds(each.model, comments) for each in (new, old)] for _ in range(_TIMING_ROUNDS)]
    becomes, was = map(min, zip(*rounds, strict=True))
    if becomes > MAX_SLOWDOWN * was:
        yield f"a score takes {becomes / was:.2f} times as long"


def _parts(holdout: Corpus) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the name and the comments of each site, or source where there is no site, and of each language."""
    for site in np.unique(holdout.sites[holdout.sites >= 0]).tolist():
        yield f"at {holdout.site_urls[site]}", holdout.sites == site
    for source, file in enumerate(holdout.source_files):
        yield f"in {file.source}", (holdout.sources == source) & (holdout.sites < 0)
    languages = np.array([language_of(comment.lang) for comment in holdout.comments])
    for language in np.unique(languages).tolist():
        yield f"in the language {language}", languages == language


def _worsening(rate: str, before: float, after: float) -> float:
    return after - before if rate in ("lost", "held") else before - after


def _caught(model: Model, comments: Sequence[Comment]) -> NDArray[np.float64]:
    """Return 1 for each comment that reaches the review threshold, else 0."""
    return np.array([float(each >= model.thresholds.review) for each in probabilities(model, comments)])


def _seconds(model: Model, comments: Sequence[Comment]) -> float:
    started = process_time()
    for comment in comments:
        score(model, ParsedComment(comment))
    return process_time() - started
