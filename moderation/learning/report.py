"""The page of an evaluation: one file that needs no network and no script.

The comments in it are hostile: everything is escaped, shortened and shown with what hides in it, and no address is
a link. The page is the operator's own; nothing here stores it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from moderation.domain.comment import Comment
from moderation.domain.hidden import is_hidden
from moderation.domain.judgement import Reason
from moderation.domain.policy import Verdict, decide
from moderation.learning import slices, verdicts
from moderation.learning.corpus import Corpus
from moderation.learning.curves import curves_of_both, spread
from moderation.learning.evaluation import metrics
from moderation.learning.verdicts import Judged
from moderation.scoring.model import score
from moderation.scoring.reasons import SENTENCES, strongest

_MOST_SHOWN = 20
_MOST_REASONS = 3
_LONGEST_TEXT = 1500
_LONGEST_FIELD = 200
_FIELDS = {"author": "author", "url": "address", "email": "e-mail", "context": "page", "permalink": "at"}
_VERDICTS = tuple(Verdict)
_MARK = Markup('<span class="hidden-character">[U+{:04X}]</span>')


@dataclass(frozen=True, slots=True)
class Shown:
    """A comment as the page shows it: what each model said of it, and why, if it was one model."""

    id: str
    source: str
    label: str
    comment: Comment
    said: Sequence[tuple[str, float, Verdict]]
    reasons: Sequence[Reason]

    def fields(self) -> list[tuple[str, str]]:
        """What is known beside the text."""
        known = ((title, getattr(self.comment, name)) for name, title in _FIELDS.items())
        return [(title, value) for title, value in known if value]


def render(corpus: Corpus, models: Sequence[Judged], champion: str | None = None) -> str:
    """The page as HTML: the same corpus and models give the same text.

    `champion` is the id of the model that the others are compared with; without one, or if it is not among them, the
    first is. Every count of comments will do: what cannot be drawn is said to be missing.
    """
    first = next((judged for judged in models if judged.model.id == champion), models[0])
    others = [judged for judged in models if judged is not first]
    environment = Environment(
        loader=PackageLoader("moderation.learning", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": _visible, "percent": _percent, "sentence": SENTENCES.__getitem__}
    return environment.get_template("report.html").render(
        corpus=corpus,
        spam=int(corpus.spam.sum()),
        ham=int((~corpus.spam).sum()),
        models=[judged.model for judged in models],
        figures=_figures(corpus, models),
        curves=curves_of_both(models, corpus.spam),
        parts=[_part(corpus, judged) for judged in models],
        comparisons=[_comparison(corpus, first, other) for other in others],
        verdicts=_VERDICTS,
        few=slices.FEW,
        most=_MOST_SHOWN,
        longest_text=_LONGEST_TEXT,
        longest_field=_LONGEST_FIELD,
    )


def _figures(corpus: Corpus, models: Sequence[Judged]) -> dict[str, list[float | None]]:
    """Each figure of the card by name, with one entry a model."""
    found = [metrics(judged.probabilities, corpus.spam, judged.model.lines) for judged in models]
    names = dict.fromkeys(name for one in found for name in one)
    return {name: [one.get(name) for one in found] for name in names}


def _part(corpus: Corpus, judged: Judged) -> dict[str, Any]:
    """What the page tells of one model alone."""
    given = judged.verdicts()
    return {
        "model": judged.model,
        "spread": spread(judged, corpus.spam),
        "whole": slices.whole(corpus, given),
        "slices": {
            "source": slices.by_source(corpus, given),
            "language": slices.by_language(corpus, given),
            "length in characters": slices.by_length(corpus, given),
        },
        "likest_spam": [_shown(corpus, place, judged) for place in verdicts.likest_spam(corpus, judged, _MOST_SHOWN)],
        "likest_ham": [_shown(corpus, place, judged) for place in verdicts.likest_ham(corpus, judged, _MOST_SHOWN)],
    }


def _comparison(corpus: Corpus, champion: Judged, candidate: Judged) -> dict[str, Any]:
    """What the page tells of a candidate beside the champion."""
    shifts = verdicts.shifts(champion, candidate, corpus.spam)
    return {
        "champion": champion.model,
        "candidate": candidate.model,
        "confusions": {
            name: verdicts.confusion(champion, candidate, chosen).tolist()
            for name, chosen in (("ham", ~corpus.spam), ("spam", corpus.spam))
            if chosen.any()
        },
        "better": int((shifts > 0).sum()),
        "worse": int((shifts < 0).sum()),
        "differing": [
            _shown(corpus, place, champion, candidate)
            for place in verdicts.differing(corpus, champion, candidate, _MOST_SHOWN)
        ],
    }


def _shown(corpus: Corpus, place: int, *models: Judged) -> Shown:
    """The comment with what each model said; a model alone gives its reasons against the truth."""
    comment, spam = corpus.comments[place], bool(corpus.spam[place])
    reasons = score(models[0].model.at(corpus.site_url(place)), comment).reasons if len(models) == 1 else ()
    chances = [(judged.model, float(judged.probabilities[place])) for judged in models]
    return Shown(
        corpus.ids[place],
        corpus.origins[corpus.sources[place]].source,
        "spam" if spam else "ham",
        comment,
        [(model.id, chance, decide(chance, model.lines)) for model, chance in chances],
        strongest(reasons, 0 if spam else _MOST_REASONS, _MOST_REASONS if spam else 0),
    )


def _visible(text: str, longest: int = _LONGEST_FIELD) -> Markup:
    """Hostile text: at most `longest` characters, escaped, each character that hides as its code point."""
    cut = text[:longest].replace("\r\n", "\n")
    parts = [_MARK.format(ord(letter)) if _hides(letter) else letter for letter in cut]
    if len(text) > longest:
        parts.append(Markup('<span class="quiet"> … {:,} characters more</span>').format(len(text) - longest))
    return Markup("").join(parts)


def _hides(letter: str) -> bool:
    return letter not in "\n\t" and is_hidden(letter)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
