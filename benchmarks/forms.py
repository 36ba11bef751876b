"""Letters of contact forms, trackbacks and webmentions, written for the tests: the shares stopped and lost by default.

A site without any setting judges them, so the thresholds are those of a new site. `contact_forms.csv` has the usual
spam. Those of `private_messages.csv` were written beside the lists of phrases.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.rows import Row, at_least, at_most, figure
from moderation.actions.judging import judge
from moderation.domain.comment import Comment
from moderation.domain.site import Site
from moderation.domain.thresholds import Verdict
from moderation.features.parsed_comment import ParsedComment
from moderation.settings import Settings
from moderation.training.corpus import read_corpus
from moderation.wiring import load_model

DATA = Path(__file__).parent.parent / "tests" / "data"
MIN_STOPPED = 0.85
LOST = (Verdict.SPAM, Verdict.DISCARD)


def measure() -> list[Row]:
    """Return the shares of spam and ham by verdict, for each file."""
    others = ("private_messages", "trackbacks", "webmentions")
    return [*_rows("contact_forms", MIN_STOPPED), *(row for name in others for row in _rows(name))]


def _rows(name: str, min_stopped: float | None = None) -> list[Row]:
    corpus = read_corpus([DATA / f"{name}.csv"], print)
    # Few contact forms ask for a web address, and an empty one would speak for ham.
    corpus = replace(corpus, comments=[replace(comment, url=comment.url or None) for comment in corpus.comments])
    spam, ham = (_verdicts(corpus.where(mask).comments) for mask in (corpus.spam, ~corpus.spam))
    stopped = sum(verdict is not Verdict.PUBLISH for verdict in spam) / len(spam)
    lost, held = (sum(verdict in which for verdict in ham) for which in (LOST, (Verdict.REVIEW, *LOST)))
    title = f"{name}: spam stopped, of {len(spam)}"
    return [
        figure(title, stopped, "proportion")
        if min_stopped is None
        else at_least(title, stopped, min_stopped, "proportion"),
        at_most(f"{name}: ham lost, of {len(ham)}", lost, 0, "comments"),
        figure(f"{name}: ham held or lost, of {len(ham)}", held, "comments"),
    ]


def _verdicts(comments: Sequence[Comment]) -> list[Verdict]:
    settings = Settings.from_environment()
    model, budget = load_model(settings, None), settings.budget
    site = Site(0, "https://new.example", None, datetime(2026, 1, 1, tzinfo=UTC))
    return [judge(model, site, ParsedComment(comment), default_budget=budget).verdict for comment in comments]
