"""Campaigns: the decisions that they save on a stream of held comments, and the comments that they decide wrongly.

Blogs of one installation are read in time order, and what reaches the review threshold of a model that has not seen
them is held. The simulated moderator decides the largest campaign by the label of most of its members, then the next
one. The remaining comments are decided alone, and so are the comments that the preview leaves out.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from struct import pack
from typing import NamedTuple

import numpy as np

from benchmarks import data
from benchmarks.label_streams import find_models
from benchmarks.rows import Row, figure
from moderation.actions.repetition import WHOLE_TEXT
from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.features.traits import AUTHOR_SITE, CONTACT, LINKED_SITE, TEXT, Trait, find_traits
from moderation.scoring.campaigns import MIN_SIZE, TraitKeys, look_like_ham
from moderation.scoring.model import Model, score
from moderation.training.corpus import read_corpus
from moderation.training.relabelling import Relabelling

N_HELD = 3_000
MAX_OF_BLOG = 2_500
"""Comments of a blog that are read, from the middle of its time."""
BLOGS: dict[str, tuple[str, int | None]] = {
    "blog_dylanmtaylor": ("dylanmtaylor", 0),
    "blog_tulloss": ("tulloss", 1),
    "sm_archivefever": ("platforms", None),
    "sm_yasoob": ("platforms", None),
}
"""The model that has not seen each blog, and the half of another blog's ham that is read with it."""
THRESHOLDS = {"by the models' thresholds": None, "from 20 % on": 0.2}
"""The review threshold of each stream; the second one holds much more ham."""
KINDS = {
    "text": (TEXT, WHOLE_TEXT),
    "text and author's site": (TEXT, WHOLE_TEXT, AUTHOR_SITE),
    "text, author's site, e-mail address and number": (TEXT, WHOLE_TEXT, AUTHOR_SITE, CONTACT),
    "text, author's site, address, number and linked sites": (TEXT, WHOLE_TEXT, AUTHOR_SITE, CONTACT, LINKED_SITE),
}
_OTHER_HAM = "blog_lemire"


class Scored(NamedTuple):
    """A comment: its place in time, from 0 for the first of its blog to 1, its label, its score and its traits.

    `threshold` is the review threshold of the model.
    """

    place: float
    is_spam: bool
    logit: float
    probability: float
    threshold: float
    traits: Sequence[Trait]


class Outcome(NamedTuple):
    """Decisions that a queue took, comments that a campaign decided wrongly, and comments that the preview left out."""

    decisions: int
    wrong: int
    left_out: int


def measure() -> list[Row]:
    """Return the decisions that each kind of trait needs, with and without the preview."""
    folder = data.folder()
    if folder is None:
        return data.no_folder("decisions that campaigns save")
    scored = score_blogs(folder, find_models(folder))
    rows: list[Row] = []
    for name, threshold in THRESHOLDS.items():
        held = [each for each in scored if each.probability >= (each.threshold if threshold is None else threshold)]
        rows += compare(f"held {name}", held[:N_HELD])
    return rows


def score_blogs(folder: Path, models: dict[str, Model]) -> list[Scored]:
    """Return the comments of all blogs, scored, by their places."""
    ham = [comment for comment, is_spam in _read(folder, _OTHER_HAM) if not is_spam]
    scored: list[Scored] = []
    for source, (name, half) in BLOGS.items():
        rows, model = _read(folder, source), models[name]
        start = max(0, len(rows) - MAX_OF_BLOG) // 2
        own = rows[start : start + MAX_OF_BLOG]
        others = [] if half is None else [(comment, False) for comment in ham[half::2]]
        for part in (own, others):
            places = np.linspace(0.0, 1.0, len(part)).tolist()
            for place, (comment, is_spam) in zip(places, part, strict=True):
                parsed = ParsedComment(comment)
                result, threshold = score(model, parsed), model.thresholds.review
                scored.append(Scored(place, is_spam, result.logit, result.probability, threshold, _traits(parsed)))
    return sorted(scored, key=lambda each: each.place)


def compare(title: str, held: Sequence[Scored]) -> list[Row]:
    """Return the rows for held comments."""
    ham = sum(not each.is_spam for each in held)
    rows = [figure(f"{title}: ham among {len(held)} comments", ham, "comments")]
    for name, kinds in KINDS.items():
        plain, careful = (decide(held, kinds, preview=preview) for preview in (False, True))
        ratio = round(careful.decisions / len(held), 4)
        rows += [
            Row(f"{title}: decisions by {name}", careful.decisions, "decisions", f"one by one: {len(held)}", ratio),
            figure(f"{title}: decided wrongly by {name}, without the preview", plain.wrong, "comments"),
            figure(f"{title}: decided wrongly by {name}", careful.wrong, "comments"),
            figure(f"{title}: left out by the preview of {name}", careful.left_out, "comments"),
        ]
    return rows


def decide(held: Sequence[Scored], kinds: Collection[str], *, preview: bool) -> Outcome:
    """Decide held comments, with campaigns of some kinds of traits."""
    numbers: dict[Trait, int] = {}
    keys = [{numbers.setdefault(trait, len(numbers)) for trait in each.traits if trait.kind in kinds} for each in held]
    waiting, left_out, approved = list(range(len(held))), 0, set[int]()
    decisions = wrong = 0
    alone: set[int] = set()
    while found := TraitKeys([pack(f">{len(keys[n])}q", *keys[n]) for n in waiting]).find_campaigns(1):
        key, members = found[0].key, [waiting[place] for place in found[0].places.tolist()]
        doubtful = _doubtful(held, keys, members, approved - {key}) if preview else set[int]()
        chosen = [member for member in members if member not in doubtful]
        if len(chosen) >= MIN_SIZE:
            n_spam = sum(held[member].is_spam for member in chosen)
            is_spam = 2 * n_spam >= len(chosen)
            decisions += 1
            wrong += len(chosen) - n_spam if is_spam else n_spam
            if not is_spam:
                approved.update(*(keys[member] for member in chosen))
            left_out += len(doubtful)
            alone |= doubtful
        else:
            alone.update(members)
        approved.update(*(keys[member] for member in members if member in alone and not held[member].is_spam))
        done = {*members}
        waiting = [number for number in waiting if number not in done]
    return Outcome(decisions + len(alone) + len(waiting), wrong, left_out)


def _doubtful(held: Sequence[Scored], keys: Sequence[set[int]], members: Sequence[int], approved: set[int]) -> set[int]:
    low = look_like_ham([held[member].logit for member in members])
    return {
        member for member, is_low in zip(members, low, strict=True) if is_low or not approved.isdisjoint(keys[member])
    }


def _read(folder: Path, source: str) -> list[tuple[Comment, bool]]:
    """Return the comments of a file by their dates as written, each with whether it is spam."""
    relabelling = Relabelling.from_file(data.RELABELLED)
    corpus = read_corpus([folder / f"{source}.csv.gz"], lambda _: None, relabelling=relabelling)
    order = np.argsort([comment.date or "" for comment in corpus.comments], kind="stable").tolist()
    return [(corpus.comments[row], bool(corpus.spam[row])) for row in order]


def _traits(parsed: ParsedComment) -> list[Trait]:
    traits = find_traits(parsed)
    if all(trait.kind != TEXT for trait in traits):
        traits.append(Trait(WHOLE_TEXT, parsed.normalized.text))
    return traits
