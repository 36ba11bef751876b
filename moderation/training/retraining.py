"""Retraining: a model from the label log of all sites and corpora, which the gate compares with the live one.

The newest fifth of each site's labelled comments is held out from the training: both models decide on comments that
came after everything they learnt from.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.csv_cells import EXPORT_COLUMNS, neutralize
from moderation.domain.errors import InvalidCorpus
from moderation.domain.general_guarantee import GeneralGuarantees
from moderation.features.links import parse_url
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import TEXT, find_traits
from moderation.registry.model_card import ModelCard
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.promotion_log import Promotion, PromotionWay
from moderation.training import lifecycle
from moderation.training.corpus import Corpus, read_corpus
from moderation.training.executors import ONE_PROCESSOR
from moderation.training.gate import MIN_COMMENTS
from moderation.training.lifecycle import Publish, Report
from moderation.training.recipe import Recipe
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling

HOLDOUT_SHARE = 0.2
MAX_PER_CAMPAIGN = 20
"""Labelled spam comments of the log that may share a linked site, an author's site or a contact."""
MAX_PER_TEXT = 2
"""Labelled spam comments of the log with nearly the same text."""

Row = Mapping[str, str]
"""A labelled comment with the columns of an export. Rows come the oldest first."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """A trained model with the objections of the gate; without any, it is live, if it was to be promoted."""

    card: ModelCard
    objections: Sequence[str]
    promoted: bool


def retrain(
    registry: ModelRegistry,
    read_log: Callable[[], Iterable[Row]],
    files: Sequence[Path],
    recipe: Recipe,
    *,
    folder: Path,
    model_id: str | None,
    report: Report,
    now: datetime,
    relabelling: Relabelling = NOTHING_RELABELLED,
    promote: bool = True,
    publish: Publish | None = None,
) -> Retraining:
    """Train on the older labels of the log and on files, and promote the model if the gate has no objections.

    `read_log` is called twice. The labels lie in files of `folder` meanwhile. Raises the errors of `lifecycle.train`,
    and `InvalidCorpus` before the training if the log is too small for a comparison. `publish` is called with the id
    before the model goes live.
    """
    older, newer = folder / "labels.csv", folder / "newest_labels.csv"
    _split(read_log, older, newer)
    for path in (older, newer):
        _check_size(path, report)
    _cap_campaigns(older, report)
    champion = registry.current_id()
    kept = as_strict_as(recipe, registry.card(champion).general_guarantees if champion else None)
    card = lifecycle.train(
        registry,
        [older, *files],
        kept,
        model_id=model_id,
        report=report,
        now=now,
        relabelling=relabelling,
        executor=ONE_PROCESSOR,
    )
    found: list[str] = []
    if champion:
        found = lifecycle.compare(registry, card.id, champion, read_corpus([newer], report), report)
    if promote and not found:
        way = PromotionWay.GATE if champion else PromotionWay.FIRST
        record = Promotion(now, card.id, champion, way)
        registry.promote(card.id, compared_with=champion, record=record, publish=publish)
    return Retraining(card, found, promote and not found)


def as_strict_as(recipe: Recipe, guarantees: GeneralGuarantees | None) -> Recipe:
    """Return the recipe with the rates and coverages of the live model's guarantees, where these promise more."""
    if guarantees is None:
        return recipe
    promises = ((name, getattr(guarantees, name)) for name in ("review", "spam", "discard"))
    stricter = {
        key: value
        for name, given in promises
        for key, value in (
            (f"{name}_max_rate", min(getattr(recipe, f"{name}_max_rate"), given.max_rate)),
            (f"{name}_coverage", max(getattr(recipe, f"{name}_coverage"), given.coverage)),
        )
    }
    return replace(recipe, **stricter)


def within_campaigns(corpus: Corpus, max_per_campaign: int, max_per_text: int) -> NDArray[np.bool_]:
    """Return a mask that keeps at most so many spam comments of a campaign, the last ones, and all ham.

    A campaign repeats its text, its author's site, a linked site or a contact; one that spins its text repeats the
    others.
    """
    counts: Counter[tuple[str, str]] = Counter()
    kept = np.ones(len(corpus.comments), dtype=bool)
    for i in np.flatnonzero(corpus.spam)[::-1].tolist():
        own = parse_url(corpus.site_url(i))
        traits = list(find_traits(ParsedComment(corpus.comments[i]), own.domain if own else None))
        limits = [max_per_text if trait.kind == TEXT else max_per_campaign for trait in traits]
        kept[i] = all(counts[trait] < limit for trait, limit in zip(traits, limits, strict=True))
        counts.update(traits if kept[i] else ())
    return kept


def _split(read_log: Callable[[], Iterable[Row]], older: Path, newer: Path) -> None:
    """Write the log to two files: the newest labels of each site, and the others."""
    older_counts = {
        site: count - round(count * HOLDOUT_SHARE) for site, count in Counter(row["site"] for row in read_log()).items()
    }
    seen: Counter[str] = Counter()
    with older.open("w", encoding="utf-8", newline="") as first, newer.open("w", encoding="utf-8", newline="") as last:
        writers = [csv.DictWriter(file, EXPORT_COLUMNS, lineterminator="\n") for file in (first, last)]
        for writer in writers:
            writer.writeheader()
        for row in read_log():
            # A site whose first label came after the count is new: its labels are among the newest.
            writers[seen[row["site"]] >= older_counts.get(row["site"], 0)].writerow(
                {name: neutralize(cell) for name, cell in row.items()}
            )
            seen[row["site"]] += 1


def _check_size(path: Path, report: Report) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        counts = Counter(row["label"] for row in csv.DictReader(file))
    if min(counts["spam"], counts["ham"]) < MIN_COMMENTS:
        raise InvalidCorpus(
            f"The log has too few labels: {counts['spam']} spam and {counts['ham']} ham in {path.stem}, where "
            f"{MIN_COMMENTS} of each are needed. The newest fifth of each site's labels is held out."
        )
    report(f"{path.stem}: {counts['spam']} spam and {counts['ham']} ham comments.")


def _cap_campaigns(path: Path, report: Report) -> None:
    """Leave out the rows of a file that `within_campaigns` does not keep."""
    corpus = read_corpus([path], report)
    kept = within_campaigns(corpus, MAX_PER_CAMPAIGN, MAX_PER_TEXT)
    if kept.all():
        return
    report(f"{path.stem}: left out {(~kept).sum()} spam comments of campaigns that others stand for.")
    kept_ids = {comment_id for comment_id, keep in zip(corpus.ids, kept, strict=True) if keep}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in kept_ids]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
