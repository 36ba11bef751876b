"""Which comments are copies of each other, and which side of a split a comment is on."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.features.ngrams import URL_MARK, words_of
from moderation.features.normalize import canonicalize
from moderation.features.reading import prose_of

_SKETCH = 2
_DIGITS = re.compile(r"\d+")


def _essence(comment: Comment) -> list[str]:
    """The words without addresses and digits."""
    words = words_of(prose_of(canonicalize(comment.text), home=None).text)
    return [bare for word in words if (bare := _DIGITS.sub("", word)) and bare != URL_MARK]


def template_key(comment: Comment) -> str:
    """Equal for near-duplicates: the smallest hashes of the word 3-grams (Broder 1997, bottom-k sketch)."""
    words = _essence(comment)
    grams = {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
    return "-".join(
        f"{value:08x}" for value in sorted(crc32(gram.encode("utf-8", "replace")) for gram in grams)[:_SKETCH]
    )


def side(comment: Comment) -> float:
    """A number within 0 and 1 that stays with the template for ever; splits are cut through it."""
    return int.from_bytes(hashlib.sha256(template_key(comment).encode()).digest()[:6]) / 2**48


def distinct(comments: Sequence[Comment], keys: Sequence[str], spam: NDArray[np.bool_], cap: int) -> NDArray[np.bool_]:
    """Keeps one of each exact text and label, and at most `cap` spam comments of a template."""
    seen: set[tuple[str, bool]] = set()
    templates: Counter[str] = Counter()
    kept = np.zeros(len(comments), dtype=bool)
    for i, (comment, key) in enumerate(zip(comments, keys, strict=True)):
        exact = (comment.text.strip(), bool(spam[i]))
        if exact in seen:
            continue
        seen.add(exact)
        templates[key] += bool(spam[i])
        kept[i] = not spam[i] or templates[key] <= cap
    return kept
