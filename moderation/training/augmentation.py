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
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import AUTHOR_FIELDS, Comment
from moderation.domain.invisible import ZERO_WIDTH
from moderation.features.links import find_links
from moderation.features.parsed_comment import ParsedComment
from moderation.training.corpus import Corpus
from moderation.training.recipe import Recipe

_MAX_LINKS_PER_DONOR = 2
_MAX_PADDING_LENGTH = 1_000
_TAG_OR_URL = re.compile(r"(<[^<>]*>|https?://\S+)")
_ZERO_WIDTH_RATE = 0.1
_EMOJI = "😀😂😊😎👋🌟✅⭐🎁💎🤑📈"
_EMOJI_RATE = 0.02


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
    rng = np.random.default_rng(recipe.seed)
    author_donors = _author_donors(corpus)
    links = _link_spans(corpus)
    ham = np.flatnonzero(~corpus.spam)
    draws = rng.random((len(corpus.comments), 7))
    picks = rng.integers(0, 2**31, (len(corpus.comments), 4))
    donors = np.full((len(corpus.comments), 3), -1, dtype=np.int64)
    copies = []
    for i, original in enumerate(corpus.comments):
        comment = original
        if author_donors and draws[i, 0] < (recipe.swap_author_spam if corpus.spam[i] else recipe.swap_author_ham):
            donor = author_donors[picks[i, 0] % len(author_donors)]
            comment = _swap_author(comment, corpus.comments[donor], everything=bool(corpus.spam[i]))
            donors[i, 0] = corpus.sources[donor]
        if links and not corpus.spam[i] and draws[i, 1] < recipe.insert_link and "://" not in comment.text:
            donor, start, end = links[picks[i, 1] % len(links)]
            link = corpus.comments[donor].text[start:end]
            comment = replace(comment, text=_insert_link(comment.text, link, int(picks[i, 2])))
            donors[i, 1] = corpus.sources[donor]
        if corpus.spam[i] and draws[i, 2] < recipe.obfuscate:
            donor = int(ham[picks[i, 2] % len(ham)])
            text, padded = _obfuscate(comment.text, corpus.comments[donor].text, Random(int(picks[i, 3])))
            comment = replace(comment, text=text)
            donors[i, 2] = corpus.sources[donor] if padded else -1
        comment = _mask_fields(comment, draws[i, 3:], recipe)
        if corpus.spam[i] and not _advertises(comment.text):
            comment = replace(comment, url=original.url)
        copies.append(comment)
    return copies, donors


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


def _author_donors(corpus: Corpus) -> list[int]:
    """Return the positions of ham comments whose site collects names and addresses."""
    return [
        i
        for i, comment in enumerate(corpus.comments)
        if not corpus.spam[i] and comment.author and comment.url is not None
    ]


def _link_spans(corpus: Corpus) -> list[tuple[int, int, int]]:
    """Return comment position, start and end of the links in ham."""
    return [
        (i, link.start, link.end)
        for i, comment in enumerate(corpus.comments)
        if not corpus.spam[i] and "://" in comment.text
        for link in find_links(comment.text)[:_MAX_LINKS_PER_DONOR]
    ]


def _swap_author(comment: Comment, donor: Comment, *, everything: bool) -> Comment:
    fields = {name: getattr(donor, name) for name in AUTHOR_FIELDS if everything or getattr(comment, name) is None}
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


def _obfuscate(text: str, ham: str, rng: Random) -> tuple[str, bool]:
    """Obfuscate spam in one of five ways. Returns the text, and whether it now contains the `ham`."""
    method = rng.randrange(5)
    if method == 0:
        return f"{ham[:_MAX_PADDING_LENGTH]}\n\n{text}", True
    if method == 1:
        return f"{text}\n\n{ham[:_MAX_PADDING_LENGTH]}", True
    if method == 2:
        half = len(text) // 2
        return (text[:half] if rng.random() < 0.5 else text[half:]), False
    if method == 3:
        return "".join(_insert_characters(text, ZERO_WIDTH, _ZERO_WIDTH_RATE, rng)), False
    return "".join(_insert_characters(text, _EMOJI, _EMOJI_RATE, rng)) + rng.choice(_EMOJI), False


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
