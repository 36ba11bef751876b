"""Takes away from the training data what marks the source rather than the spam.

Which fields a file has, and what kind of people fill them, tells where a comment comes from; a model that learns this
has learnt the file. So ham comments are lent the fields of other ham authors, spam comments are lent them too,
links of other ham are spliced into ham without links, and every field is hidden at random, in both classes.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.features.links import find_links
from moderation.learning.corpus import Corpus
from moderation.learning.recipe import Recipe

_PERSON = ("author", "url", "email")


def disguise(corpus: Corpus, recipe: Recipe) -> tuple[list[Comment], NDArray[np.int64]]:
    """A disguised copy of each comment, and the two sources that lent it something (numbers or -1), shape (n, 2).

    The same corpus and recipe give the same copies.
    """
    chance = np.random.default_rng(recipe.seed)
    people = _lenders(corpus)
    links = _linked(corpus)
    draws = chance.random((len(corpus.comments), 6))
    picks = chance.integers(0, 2**31, (len(corpus.comments), 3))
    donors = np.full((len(corpus.comments), 2), -1, dtype=np.int64)
    copies = []
    for i, comment in enumerate(corpus.comments):
        if people and draws[i, 0] < (recipe.lend_spam if corpus.spam[i] else recipe.lend_ham):
            lender = people[picks[i, 0] % len(people)]
            comment = _lend(comment, corpus.comments[lender], everything=bool(corpus.spam[i]))
            donors[i, 0] = corpus.sources[lender]
        if links and not corpus.spam[i] and draws[i, 1] < recipe.splice and "://" not in comment.text:
            lender, start, end = links[picks[i, 1] % len(links)]
            comment = replace(
                comment, text=_splice(comment.text, corpus.comments[lender].text[start:end], int(picks[i, 2]))
            )
            donors[i, 1] = corpus.sources[lender]
        copies.append(_mask(comment, draws[i, 2:], recipe))
    return copies, donors


def _lenders(corpus: Corpus) -> list[int]:
    """Ham comments whose site collects names and addresses."""
    return [
        i
        for i, comment in enumerate(corpus.comments)
        if not corpus.spam[i] and comment.author and comment.url is not None
    ]


def _linked(corpus: Corpus) -> list[tuple[int, int, int]]:
    """Comment, start and end of each link that ham carries."""
    return [
        (i, link.start, link.end)
        for i, comment in enumerate(corpus.comments)
        if not corpus.spam[i] and "://" in comment.text
        for link in find_links(comment.text)[:2]
    ]


def _lend(comment: Comment, lender: Comment, *, everything: bool) -> Comment:
    fields = {name: getattr(lender, name) for name in _PERSON if everything or getattr(comment, name) is None}
    return replace(comment, **fields)


def _splice(text: str, link: str, pick: int) -> str:
    """Puts the link between two words of the text, at its end one time in three."""
    words = text.split(" ")
    at = len(words) if pick % 3 == 0 else pick // 3 % (len(words) + 1)
    return " ".join([*words[:at], link, *words[at:]])


def _mask(comment: Comment, draws: Iterable[float], recipe: Recipe) -> Comment:
    masks = {
        "author": recipe.mask_author,
        "url": recipe.mask_url,
        "email": recipe.mask_email,
        "context": recipe.mask_context,
    }
    hidden: dict[str, Any] = {
        name: None for (name, rate), draw in zip(masks.items(), draws, strict=True) if draw < rate
    }
    return replace(comment, **hidden)
