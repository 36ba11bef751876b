"""Templates, duplicates and folds: which comments are copies, and which are held out together.

Spam repeats templates. A random split of rows would put copies of a comment on both sides and flatter the model.
So folds hold out whole sites. Within a single source or site, a hash of the template decides the fold.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from moderation.domain.comment import Comment
from moderation.features.ngrams import URL_TOKEN, tokenize
from moderation.features.normalize import normalize
from moderation.features.parsed_comment import body_of
from moderation.training.corpus import Corpus
from moderation.training.linear import has_site_weights

_SHINGLE_WORDS = 3
_SKETCH_SIZE = 2
_SITE_FOLDS = 5
_NO_SHARED_SITES: Mapping[str, str] = MappingProxyType({})
_DIGITS = re.compile(r"\d+")


def template_key(comment: Comment) -> str:
    """Return a key that near-duplicates share: the smallest hashes of the word 3-grams without digits and links.

    This is a bottom-k sketch (Broder 1997). The bands of `features.minhash` cannot replace it: a comment has several of
    them and shares each with other comments, but a fold needs exactly one group for each comment.
    """
    words = _words_without_digits(comment)
    grams = {" ".join(words[i : i + _SHINGLE_WORDS]) for i in range(max(1, len(words) - _SHINGLE_WORDS + 1))}
    hashes = sorted(crc32(gram.encode("utf-8", "replace")) for gram in grams)
    return "-".join(f"{value:08x}" for value in hashes[:_SKETCH_SIZE])


def split_hash(comment: Comment) -> float:
    """Return a number in [0, 1) that depends on the template alone. It decides the side of a split."""
    return _split_hash_of(template_key(comment))


class TextKey(NamedTuple):
    """The SHA-256 of a text without the space around it, and its `template_key`."""

    text: bytes
    template: str


def text_keys(comments: Sequence[Comment], rows: NDArray[np.int64]) -> list[TextKey]:
    """Return the keys of some comments."""
    chosen = [comments[row] for row in rows.tolist()]
    return [
        TextKey(hashlib.sha256(comment.text.strip().encode("utf-8", "surrogatepass")).digest(), template_key(comment))
        for comment in chosen
    ]


def deduplicate(keys: Sequence[TextKey], spam: NDArray[np.bool_], max_spam: int) -> NDArray[np.bool_]:
    """Return a mask that keeps one comment of each text and label, and at most `max_spam` spam comments of a template.

    Parameters
    ----------
    keys : sequence of TextKey
        The keys of the comments, the preferred copies first.
    spam : ndarray of shape (n_comments,)
        The labels.
    max_spam : int
        Limit of spam comments with the same template.
    """
    seen: set[tuple[bytes, bool]] = set()
    templates: Counter[str] = Counter()
    kept = np.zeros(len(keys), dtype=bool)
    for i, key in enumerate(keys):
        exact = (key.text, bool(spam[i]))
        if exact in seen:
            continue
        seen.add(exact)
        templates[key.template] += bool(spam[i])
        kept[i] = not spam[i] or templates[key.template] <= max_spam
    return kept


def deduplicate_groups(
    keys: Sequence[TextKey], groups: NDArray[np.int64], spam: NDArray[np.bool_], max_spam: int
) -> NDArray[np.bool_]:
    """Return a mask that keeps the comments left by `deduplicate` in each group, and all of group -1."""
    kept = np.ones(len(groups), dtype=bool)
    for group in np.unique(groups[groups >= 0]):
        rows = np.flatnonzero(groups == group)
        kept[rows] = deduplicate([keys[i] for i in rows.tolist()], spam[rows], max_spam)
    return kept


def number_sites(corpus: Corpus, sites: Mapping[str, str]) -> NDArray[np.int64]:
    """Return the number of each comment's site of origin.

    That is the site that its file names. A source without sites is a site, unless `sites` maps several to the same one.
    """
    names = [sites.get(file.source, file.source) for file in corpus.source_files]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    of_source = np.array([numbers[name] for name in names], dtype=np.int64)[corpus.sources]
    return np.where(corpus.sites >= 0, len(numbers) + corpus.sites, of_source)


def source_folds(
    corpus: Corpus,
    max_folds: int,
    sites: Mapping[str, str] = _NO_SHARED_SITES,
    templates: Sequence[str] | None = None,
) -> list[NDArray[np.bool_]]:
    """Return masks of the comments to hold out in turn, at least two and at most `max_folds`.

    Each fold holds whole sites (`number_sites`), balanced by size. A single site is split by template, and so are two
    sites that their file names: a model of one has no copies of its weights, so that its shared weights are of another
    scale than those of both. `templates` are the `template_key` of each comment, computed here if they are absent.

    Returns
    -------
    folds : list of ndarray of shape (n_comments,)
        Each comment is in exactly one fold.
    """
    numbers = number_sites(corpus, sites)
    n_sites = len(np.unique(numbers))
    n_folds = max(2, max_folds)
    if n_sites < (3 if (corpus.sites >= 0).all() else 2):
        return _template_folds(corpus, np.arange(len(corpus.comments)), n_folds, templates)
    splitter = GroupKFold(min(n_folds, n_sites))
    held_out = (rows for _, rows in splitter.split(numbers, groups=numbers))
    return [_mask(rows, len(corpus.comments)) for rows in held_out]


def site_folds(
    corpus: Corpus, sites: NDArray[np.int64], templates: Sequence[str] | None = None
) -> list[NDArray[np.bool_]]:
    """Return masks of the comments to hold out in turn from sites with their own weights, split by template.

    `sites` are the numbers of these sites, -1 for other comments. The list is empty if no site has its own weights.
    """
    return _template_folds(corpus, np.flatnonzero(has_site_weights(sites)), _SITE_FOLDS, templates)


def _template_folds(
    corpus: Corpus, rows: NDArray[np.int64], n_folds: int, templates: Sequence[str] | None
) -> list[NDArray[np.bool_]]:
    """Return masks that split some of the comments by template, without empty folds."""
    chosen = rows.tolist()
    keys = [template_key(corpus.comments[i]) for i in chosen] if templates is None else [templates[i] for i in chosen]
    numbers = np.full(len(corpus.comments), -1)
    numbers[rows] = [int(_split_hash_of(key) * n_folds) for key in keys]
    return [numbers == number for number in range(n_folds) if (numbers == number).any()]


def _split_hash_of(template: str) -> float:
    return int.from_bytes(hashlib.sha256(template.encode()).digest()[:6]) / 2**48


def _mask(rows: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    mask = np.zeros(length, dtype=bool)
    mask[rows] = True
    return mask


def _words_without_digits(comment: Comment) -> list[str]:
    words = tokenize(body_of(normalize(comment.text), page_link=None).text)
    return [bare for word in words if (bare := _DIGITS.sub("", word)) and bare != URL_TOKEN]
