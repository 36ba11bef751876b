"""Augmented copies of the training comments, so that the model learns spam and not its source.

The fields of a file, and the people who fill them, mark the source of a comment. A model that learns these marks has
learnt the file. Augmentation blurs them:

- ham gets the missing author fields of another ham comment, spam gets all of them;
- ham without links gets a link of another ham comment;
- fields are masked at random in both classes.

Spam whose text advertises nothing keeps its address: without one it is the praise of a reader, and as spam it would
teach that thanks are spam.

Some spam is obfuscated as well. A spammer's tricks and the ham used as padding must not lower a spam score.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import AUTHOR_FIELDS, Comment
from moderation.domain.invisible import ZERO_WIDTH
from moderation.features.parsed_comment import ParsedComment
from moderation.training.corpus import Corpus
from moderation.training.executors import ONE_PROCESSOR, Calls, Executor
from moderation.training.loans import OBFUSCATIONS, CopyPlan, by_borrower, find_lendable, lend
from moderation.training.parts import parts_of, row_slices
from moderation.training.recipe import Recipe

_TAG_OR_URL = re.compile(r"(<[^<>]*>|https?://\S+)")
_ZERO_WIDTH_RATE = 0.1
_EMOJI = "😀😂😊😎👋🌟✅⭐🎁💎🤑📈"
_EMOJI_RATE = 0.02


class Loans(NamedTuple):
    """The author fields, links and texts that the comments of one part borrow from others, `None` for no loan.

    The text of an obfuscated comment that has no padding is empty.
    """

    authors: Sequence[Sequence[Any] | None]
    links: Sequence[str | None]
    paddings: Sequence[str | None]


def augment(corpus: Corpus, recipe: Recipe) -> tuple[list[Comment], NDArray[np.int64]]:
    """Return an augmented copy of each comment, and the sources of the comments that it borrows from.

    Deterministic: the same corpus and recipe give the same copies.

    Returns
    -------
    copies : list of Comment
        One copy for each comment, in order.
    donors : ndarray of shape (n_comments, 3)
        Source numbers of the donors of author fields, link and padding; -1 for none.
    """
    calls, donors = plan_copies(corpus, recipe, ONE_PROCESSOR)
    return [copy for call in calls for copy in copy_part(*call)], donors


def plan_copies(corpus: Corpus, recipe: Recipe, executor: Executor) -> tuple[Calls, NDArray[np.int64]]:
    """Return the arguments of `copy_part` for each part of the comments, and the `donors` as `augment` does.

    Of the texts, this process has the loans alone.
    """
    parts = parts_of(corpus.comments)
    slices = row_slices(parts)
    numbered = list(zip(parts, slices, strict=True))
    lendable = list(executor.stream(find_lendable, [(*part, corpus.spam[rows]) for part, rows in numbered]))
    plan = CopyPlan.of(corpus.spam, lendable, recipe)
    requests = zip(parts, plan.requests(slices), strict=True)
    lent = list(executor.stream(lend, [(*part, *request) for part, request in requests]))
    authors, links, paddings = ([loan for loans in kind for loan in loans] for kind in zip(*lent, strict=True))
    author_loans = by_borrower(plan.authors, authors)
    link_loans = by_borrower(plan.links, links)
    texts = by_borrower(plan.paddings, paddings)
    padding_loans = [
        text or "" if obfuscated else None for text, obfuscated in zip(texts, plan.obfuscated, strict=True)
    ]
    calls = [
        (
            *part,
            corpus.spam[rows],
            Loans(author_loans[rows], link_loans[rows], padding_loans[rows]),
            plan.draws[rows, 3:],
            plan.picks[rows],
            recipe,
        )
        for part, rows in numbered
    ]
    return calls, plan.donors(corpus.sources)


def copy_part(
    comments: Sequence[Comment],
    rows: NDArray[np.int64],
    spam: NDArray[np.bool_],
    loans: Loans,
    draws: NDArray[np.float64],
    picks: NDArray[np.int64],
    recipe: Recipe,
) -> list[Comment]:
    """Return an augmented copy of each chosen comment."""
    copies = []
    for i, row in enumerate(rows.tolist()):
        original = comment = comments[row]
        author, link, padding = loans.authors[i], loans.links[i], loans.paddings[i]
        if author is not None:
            comment = _swap_author(comment, author, everything=bool(spam[i]))
        if link is not None:
            comment = replace(comment, text=_insert_link(comment.text, link, int(picks[i, 2])))
        if padding is not None:
            comment = replace(comment, text=_obfuscate(comment.text, padding, Random(int(picks[i, 3]))))
        comment = _mask_fields(comment, draws[i], recipe)
        if spam[i] and not _advertises(comment.text):
            comment = replace(comment, url=original.url)
        copies.append(comment)
    return copies


def borrowing_from(
    held_out: NDArray[np.bool_], sources: NDArray[np.int64], donors: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return whether the augmented copy of each comment borrows from a source that is wholly held out.

    Parameters
    ----------
    held_out : ndarray of shape (n_comments,)
        The comments that are held out.
    sources : ndarray of shape (n_comments,)
        Source number of each comment.
    donors : ndarray of shape (n_comments, 3)
        Source numbers that each copy borrows from, -1 for none.
    """
    present = np.unique(sources[~held_out])
    absent = ~np.isin(donors, np.append(present, -1))
    return np.asarray(absent.any(axis=1))


def _swap_author(comment: Comment, author: Sequence[Any], *, everything: bool) -> Comment:
    lent = zip(AUTHOR_FIELDS, author, strict=True)
    fields = {name: value for name, value in lent if everything or getattr(comment, name) is None}
    return replace(comment, **fields)


def _advertises(text: str) -> bool:
    """Return whether the text has a link or a contact."""
    parsed = ParsedComment(Comment(text))
    return bool(parsed.external_links or parsed.contacts)


def _insert_link(text: str, link: str, random_int: int) -> str:
    """Insert the link between two words of the text, one time in three at its end."""
    words = text.split(" ")
    position = len(words) if random_int % 3 == 0 else random_int // 3 % (len(words) + 1)
    return " ".join([*words[:position], link, *words[position:]])


def _obfuscate(text: str, ham: str, rng: Random) -> str:
    """Obfuscate spam in one of five ways. The first two pad it with `ham`."""
    method = rng.randrange(OBFUSCATIONS)
    if method == 0:
        return f"{ham}\n\n{text}"
    if method == 1:
        return f"{text}\n\n{ham}"
    if method == 2:
        half = len(text) // 2
        return text[:half] if rng.random() < 0.5 else text[half:]
    if method == 3:
        return "".join(_insert_characters(text, ZERO_WIDTH, _ZERO_WIDTH_RATE, rng))
    return "".join(_insert_characters(text, _EMOJI, _EMOJI_RATE, rng)) + rng.choice(_EMOJI)


def _insert_characters(text: str, extra: str, rate: float, rng: Random) -> Iterator[str]:
    for part in _TAG_OR_URL.split(text):
        if _TAG_OR_URL.fullmatch(part):
            yield part
        else:
            yield from (letter + rng.choice(extra) if rng.random() < rate else letter for letter in part)


def _mask_fields(comment: Comment, draws: Iterable[float], recipe: Recipe) -> Comment:
    rates = {
        "author": recipe.mask_author,
        "url": recipe.mask_url,
        "email": recipe.mask_email,
        "context": recipe.mask_context,
    }
    masked: dict[str, Any] = {
        name: None for (name, rate), draw in zip(rates.items(), draws, strict=True) if draw < rate
    }
    return replace(comment, **masked)
