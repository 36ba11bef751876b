"""Takes away from the training data what marks the source rather than the spam.

Which fields a file has, and what kind of people fill them, tells where a comment comes from; a model that learns this
has learnt the file. So ham comments are lent the fields of other ham authors, spam comments are lent them too,
links of other ham are spliced into ham without links, and every field is hidden at random, in both classes.
Some spam is obfuscated: what spammers do to a text, and what it is padded with, must never count in its favour.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.features.links import find_links
from moderation.learning.corpus import Corpus
from moderation.learning.recipe import Recipe

_PERSON = ("author", "url", "email")
_PADDING = 1_000
_MARKUP = re.compile(r"(<[^<>]*>|https?://\S+)")
_INVISIBLE = "\u200b\u200c\u200d\u2060\u00ad\ufeff\u200e"
_PICTURES = "😀😂😊😎👋🌟✅⭐🎁💎🤑📈"


def disguise(corpus: Corpus, recipe: Recipe) -> tuple[list[Comment], NDArray[np.int64]]:
    """A disguised copy of each comment, and the sources that lent it something (numbers or -1), shape (n, 3).

    The same corpus and recipe give the same copies.
    """
    chance = np.random.default_rng(recipe.seed)
    people = _lenders(corpus)
    links = _linked(corpus)
    honest = np.flatnonzero(~corpus.spam)
    draws = chance.random((len(corpus.comments), 7))
    picks = chance.integers(0, 2**31, (len(corpus.comments), 4))
    donors = np.full((len(corpus.comments), 3), -1, dtype=np.int64)
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
        if corpus.spam[i] and draws[i, 2] < recipe.obfuscate:
            padding = int(honest[picks[i, 2] % len(honest)])
            text, padded = obfuscate(comment.text, corpus.comments[padding].text, Random(int(picks[i, 3])))
            comment = replace(comment, text=text)
            donors[i, 2] = corpus.sources[padding] if padded else -1
        copies.append(_mask(comment, draws[i, 3:], recipe))
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


def obfuscate(text: str, honest: str, chance: Random) -> tuple[str, bool]:
    """The text as a spammer would hide it, in one of five ways, and whether the `honest` text is part of it now."""
    way = chance.randrange(5)
    if way == 0:
        return f"{honest[:_PADDING]}\n\n{text}", True
    if way == 1:
        return f"{text}\n\n{honest[:_PADDING]}", True
    if way == 2:
        half = len(text) // 2
        return (text[:half] if chance.random() < 0.5 else text[half:]), False
    if way == 3:
        return "".join(_sprinkled(text, _INVISIBLE, 0.1, chance)), False
    return "".join(_sprinkled(text, _PICTURES, 0.02, chance)) + chance.choice(_PICTURES), False


def _sprinkled(text: str, extra: str, rate: float, chance: Random) -> Iterator[str]:
    for part in _MARKUP.split(text):
        if _MARKUP.fullmatch(part):
            yield part
        else:
            yield from (letter + chance.choice(extra) if chance.random() < rate else letter for letter in part)


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
