"""Hashed words, bigrams and character n-grams: the sparse part of a comment's features.

A document is a few fields, each with the words of one part of a comment. A word has fixed columns: one for itself, and
one for each run of `NGRAM_SIZE` letters in it, with a space at either end. Its contribution to a score can therefore be
computed once and cached. Two adjacent words share one more column.

The first half of this module computes the columns of one word. The second half computes the same for a batch of
documents with arrays, which takes about half the time.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from moderation.features.scripts import COMBINING_MARKS

URL_TOKEN = "\ue000"
"""Replaces a URL in the text. The URL itself is read by the namespaces of links."""
TITLE_TOKEN = "\ue001"
"""Replaces the long words that the text shares with the page's title."""
CONTACT_TOKENS = "\ue002\ue003\ue004\ue005\ue006\ue007"
"""Each replaces one kind of contact in the text: an unseen telephone number is no rare word."""
PLACEHOLDER_TOKENS = frozenset((URL_TOKEN, TITLE_TOKEN, *CONTACT_TOKENS))
"""Tokens that stand for something else. They are never quoted."""
NGRAM_SIZE = 4
BIGRAM_MULTIPLIER = 509
"""Prime multiplier for a bigram's first word, so that (a, b) and (b, a) hash to different columns."""

_WORD = r"L{1,32}(?:['\u2019]L{1,32}|)|"
"""A word of letters `L`. `(?:…|)` in place of `(?:…)?` takes two thirds of the time."""
_TOKEN = f"[{URL_TOKEN}{CONTACT_TOKENS}]"
_PLAIN_WORD = re.compile(_WORD.replace("L", r"\w") + _TOKEN)
_MARKED_WORD = re.compile(_WORD.replace("L", rf"[\w{COMBINING_MARKS}]") + _TOKEN)
_MARK = re.compile(f"[{COMBINING_MARKS}]")
_UINT32_MAX = 0xFFFFFFFF
_CRC32_TABLE = np.array([~crc32(bytes([byte]), _UINT32_MAX) & _UINT32_MAX for byte in range(256)], dtype=np.uint32)
"""Change of a CRC-32 register by its lowest byte."""

IntArray = NDArray[np.int64]


class Namespace(NamedTuple):
    """A family of hashed features with `2**bits` columns. `norm` is the Euclidean length of a field's row.

    `ngram_namespace` is the namespace of the character n-grams of its words, `None` if these are not read. They belong
    to the same row as the words.
    """

    name: str
    bits: int
    norm: float
    ngram_namespace: int | None


WORDS, CHAR_NGRAMS, AUTHOR, ANCHOR, TARGET, URL = range(6)
# The names seed the hashes: another name gives other columns.
NAMESPACES: tuple[Namespace, ...] = (
    Namespace("words", 19, 1.4, CHAR_NGRAMS),
    Namespace("spellings", 19, 1.4, None),
    Namespace("author", 17, 0.8, AUTHOR),
    Namespace("anchor", 16, 0.8, ANCHOR),
    Namespace("target", 16, 0.5, None),
    Namespace("url", 18, 0.6, URL),
)
OFFSETS: tuple[int, ...] = tuple(
    sum(1 << namespace.bits for namespace in NAMESPACES[:number]) for number in range(len(NAMESPACES) + 1)
)
N_COLUMNS = OFFSETS[-1]
MASKS = tuple((1 << namespace.bits) - 1 for namespace in NAMESPACES)
HASH_SEEDS = tuple(crc32(namespace.name.encode()) for namespace in NAMESPACES)
_NORMS = np.array([namespace.norm for namespace in NAMESPACES])


class Field(NamedTuple):
    """The words of one part of a comment in reading order, and the namespace of their columns."""

    words: Sequence[str]
    namespace: int


Document = Sequence[Field]
"""The fields of one comment, at most one for each namespace."""


def tokenize(text: str) -> list[str]:
    """Return the words of a canonical text and the tokens of its URLs and contacts. Words are cut after 32 letters.

    Vowel signs and accents belong to their words, though they are no letters.
    """
    has_marks = not text.isascii() and _MARK.search(text)
    return (_MARKED_WORD if has_marks else _PLAIN_WORD).findall(text)


def word_column(word: str, namespace: int) -> int:
    """Return the column of a word itself."""
    return (crc32(word.encode(), HASH_SEEDS[namespace]) & MASKS[namespace]) + OFFSETS[namespace]


def word_and_ngram_columns(word: str, namespace: int) -> list[int]:
    """Return the column of a word, then those of its different character n-grams."""
    column, ngram_namespace = word_column(word, namespace), NAMESPACES[namespace].ngram_namespace
    if ngram_namespace is None:
        return [column]
    seed, mask, offset = HASH_SEEDS[ngram_namespace], MASKS[ngram_namespace], OFFSETS[ngram_namespace]
    return [column, *[(crc32(ngram, seed) & mask) + offset for ngram in _ngrams(word)]]


def bigram_columns(columns: Sequence[int], namespace: int) -> list[int]:
    """Return the column of each pair of adjacent words from the words' columns in reading order."""
    mask, offset = MASKS[namespace], OFFSETS[namespace]
    return [((first * BIGRAM_MULTIPLIER + second) & mask) + offset for first, second in pairwise(columns)]


def _ngrams(word: str) -> set[bytes]:
    starts = range(max(1, len(word) - 1))
    if word.isascii():  # a letter is a byte
        padded = b" %b " % word.encode()
        return {padded[start : start + NGRAM_SIZE] for start in starts}
    return {f" {word} "[start : start + NGRAM_SIZE].encode() for start in starts}


@dataclass(frozen=True, slots=True)
class HashedBatch:
    """The hashed rows of `documents` documents in coordinate form.

    Entry i adds `values[i]` to column `columns[i]` of a row. `owners[i]` is `document * len(NAMESPACES) + namespace`.
    N-grams have the namespace of their words here. A column may repeat in a row: its values add up.
    """

    documents: int
    owners: IntArray
    columns: IntArray
    values: NDArray[np.float64]

    @property
    def document_index(self) -> IntArray:
        """The document of each entry."""
        return self.owners // len(NAMESPACES)

    def sums(self, weights: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the weighted sum of each document's words by namespace.

        Parameters
        ----------
        weights : array of shape (N_COLUMNS,)
            Weight of each hashed column, in logits.

        Returns
        -------
        array of shape (documents, namespaces)
        """
        contributions = weights[self.columns] * self.values
        sums = np.bincount(self.owners, contributions, self.documents * len(NAMESPACES))
        return sums.reshape(self.documents, len(NAMESPACES)).astype(np.float64)


def hash_documents(documents: Sequence[Document]) -> HashedBatch:
    """Return the hashed rows of documents: the different words, bigrams and character n-grams of each field.

    All entries of a field have the same value, and together they have the norm of its namespace. An entry counts once,
    however often it occurs. Entries are ordered by namespace.
    """
    fields: list[list[tuple[int, Sequence[str]]]] = [[] for _ in NAMESPACES]
    for number, document in enumerate(documents):
        for words, namespace in document:
            fields[namespace].append((number * len(NAMESPACES) + namespace, words))
    parts = [
        part
        for namespace, owned in enumerate(fields)
        if owned
        for part in _hash_namespace(namespace, *zip(*owned, strict=True))
    ]
    owners = _concatenate([owners for owners, _ in parts])
    counts = np.bincount(owners, minlength=len(documents) * len(NAMESPACES)).reshape(-1, len(NAMESPACES))
    values = (_NORMS / np.sqrt(np.maximum(1, counts))).ravel()[owners]
    return HashedBatch(len(documents), owners, _concatenate([columns for _, columns in parts]), values)


def _hash_namespace(
    namespace: int, owners: Sequence[int], texts: Sequence[Sequence[str]]
) -> list[tuple[IntArray, IntArray]]:
    """Return owners and columns of the words, bigrams and n-grams of all fields of one namespace."""
    token_owners = np.repeat(owners, _lengths(texts))
    word_ids = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(texts)))}
    tokens = np.fromiter(map(word_ids.__getitem__, chain.from_iterable(texts)), np.int64, len(token_owners))
    columns = np.array([word_column(word, namespace) for word in word_ids], dtype=np.int64)
    word_owners, words = _unique_pairs(token_owners, tokens)
    same_owner = token_owners[:-1] == token_owners[1:]
    bigrams = (columns[tokens[:-1]] * BIGRAM_MULTIPLIER + columns[tokens[1:]])[same_owner] & MASKS[namespace]
    bigram_owners, bigrams = _unique_pairs(token_owners[1:][same_owner], bigrams)
    parts = [(word_owners, columns[words]), (bigram_owners, bigrams + OFFSETS[namespace])]
    ngram_namespace = NAMESPACES[namespace].ngram_namespace
    if ngram_namespace is not None:
        ngrams, counts = _batch_ngram_columns(list(word_ids), ngram_namespace)
        indices = ranges((np.cumsum(counts) - counts)[words], counts[words])
        parts.append((np.repeat(word_owners, counts[words]), ngrams[indices]))
    return parts


def _batch_ngram_columns(words: Sequence[str], namespace: int) -> tuple[IntArray, IntArray]:
    """Return the columns of the different character n-grams of each word in turn, and their number by word."""
    owners, hashes = hash_ngrams(words, NGRAM_SIZE, HASH_SEEDS[namespace])
    return (hashes & MASKS[namespace]) + OFFSETS[namespace], np.bincount(owners, minlength=len(words))


def hash_ngrams(words: Sequence[str], size: int, seed: int = 0) -> tuple[IntArray, IntArray]:
    """Return the CRC-32 of the different n-grams of each word with a space at either end, and the words' positions.

    A padded word of fewer letters than `size` is one n-gram.
    """
    data = np.frombuffer(f" {' '.join(words)} ".encode("utf-8", "surrogatepass"), dtype=np.uint8)
    letter_bounds = np.append(np.flatnonzero(data & 0xC0 != 0x80), len(data))
    padded_lengths = _lengths(words) + 2
    counts = np.maximum(1, padded_lengths - size + 1)
    begins = ranges(np.cumsum(padded_lengths - 1) - padded_lengths + 1, counts)
    ends = begins + np.repeat(np.minimum(size, padded_lengths), counts)
    hashes = _crc32(data, letter_bounds[begins], letter_bounds[ends], seed)
    return _unique_pairs(np.repeat(np.arange(len(words)), counts), hashes)


def _crc32(data: NDArray[np.uint8], begins: IntArray, ends: IntArray, seed: int) -> IntArray:
    """Return `zlib.crc32(data[begin:end], seed)` for each pair of `begins` and `ends`."""
    registers = np.full(len(begins), ~seed & _UINT32_MAX, dtype=np.uint32)
    lengths = ends - begins
    for step in range(lengths.max(initial=0)):
        byte = data[np.minimum(begins + step, len(data) - 1)]
        updated = _CRC32_TABLE[(registers ^ byte) & 0xFF] ^ (registers >> 8)
        registers = np.where(step < lengths, updated, registers)
    return (~registers).astype(np.int64)


def _unique_pairs(owners: IntArray, values: IntArray) -> tuple[IntArray, IntArray]:
    """Return the different pairs of owner and value, sorted. Both must be below 2**32, owners below 2**31.

    `numpy.unique` takes several times as long.
    """
    packed = np.sort(owners << 32 | values)
    packed = packed[np.diff(packed, prepend=-1) != 0]
    return packed >> 32, packed & _UINT32_MAX


def _lengths(sequences: Iterable[Sequence[str]]) -> IntArray:
    return np.fromiter(map(len, sequences), np.int64)


def _concatenate(parts: Sequence[IntArray]) -> IntArray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def ranges(firsts: IntArray, counts: IntArray) -> IntArray:
    """Return the concatenated ranges `first, first + 1, …` with `count` numbers each."""
    return np.arange(counts.sum()) + np.repeat(firsts + counts - np.cumsum(counts), counts)
