"""The comments of a training run as sequences of word pieces, and the order in which they are read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.features.parsed_comment import ParsedComment
from moderation.reader.inputs import ReaderInput
from moderation.reader.tokens import MAX_TOKENS, SPECIAL_PIECES, ReaderTokenizer, Tokens, Vocabulary
from moderation.training.reader.encoder import Batch
from moderation.training.reader.pretrained import Floats
from moderation.training.reader.recipe import ReaderRecipe

_LENGTHS = (24, 32, 48, 64, 80, MAX_TOKENS)
"""Lengths to which batches are padded: the network is compiled once for each."""
_SORTED_BATCHES = 32
"""Batches within which comments are sorted by their length, so that little is padding."""
_PARSED = 250

Rows = NDArray[np.int64]


def tokenize(vocabulary: Vocabulary, comments: Sequence[Comment]) -> list[Tokens]:
    """Return the sequence of each comment."""
    tokenizer = ReaderTokenizer(vocabulary)
    return [
        tokenizer.tokenize(ReaderInput.of(parsed))
        for start in range(0, len(comments), _PARSED)
        for parsed in ParsedComment.parse_batch(comments[start : start + _PARSED])
    ]


def frequent_pieces(vocabulary: Vocabulary, sequences: Sequence[Tokens], least: int) -> Rows:
    """Return the numbers of the pieces that the sequences have at least so often, of special ones, and of all letters.

    Without a piece, its words are split into shorter ones, at worst into letters.
    """
    counts = np.bincount(np.concatenate([each.numbers for each in sequences]), minlength=len(vocabulary.pieces))
    used = {vocabulary.pieces[number] for number in np.flatnonzero(counts).tolist()}
    letters = set().union(*(used - SPECIAL_PIECES))
    always = [piece in letters or piece in SPECIAL_PIECES for piece in vocabulary.pieces]
    return np.flatnonzero((counts >= least) | always)


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Sequences with their labels."""

    tokens: Sequence[Tokens]
    spam: NDArray[np.bool_]

    def batch(self, rows: Sequence[int], words: Floats) -> Batch:
        """Return some sequences padded to one length, with their rows of the embeddings `words`."""
        chosen = [self.tokens[row] for row in rows]
        longest = max(len(each.numbers) for each in chosen)
        length = next(length for length in _LENGTHS if length >= longest)
        numbers = np.zeros((len(rows), length), dtype=np.int64)
        segments, mask = np.zeros((len(rows), length), np.int32), np.zeros((len(rows), length), np.float32)
        for row, each in enumerate(chosen):
            count = len(each.numbers)
            numbers[row, :count], mask[row, :count] = each.numbers, 1.0
            segments[row, each.first_segment : count] = 1
        return Batch(words[numbers], segments, mask, self.spam[list(rows)].astype(np.float32))

    def in_order(self, rows: Rows, batch_size: int, rng: np.random.Generator) -> list[list[int]]:
        """Return the rows in batches of sequences of similar lengths, in random order. A rest is left out."""
        size = batch_size * _SORTED_BATCHES
        batches = []
        for start in range(0, len(rows), size):
            block = sorted(rows[start : start + size].tolist(), key=lambda row: len(self.tokens[row].numbers))
            batches += [block[first : first + batch_size] for first in range(0, len(block), batch_size)]
        full = [batch for batch in batches if len(batch) == batch_size]
        return [full[place] for place in rng.permutation(len(full))]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The comments to draw from, each with its label, source and logit by a linear model without its site.

    `of_other_register` marks comments of sources that are no comment sections.
    """

    spam: NDArray[np.bool_]
    sources: NDArray[np.int64]
    logits: NDArray[np.float64]
    of_other_register: NDArray[np.bool_]

    def draw(self, allowed: NDArray[np.bool_], recipe: ReaderRecipe, rng: np.random.Generator) -> Rows:
        """Return rows in random order, as many of each label.

        Small sources and comments in doubt are drawn more often.
        """
        weights = np.zeros(len(self.spam))
        for mask in self._groups(allowed):
            weights[mask] = mask.sum() ** -0.5
        weights[self.of_other_register & ~self.spam] *= recipe.other_register_weight
        easy = np.where(self.spam, self.logits > recipe.easy_spam_logit, self.logits < recipe.easy_ham_logit)
        weights[easy] *= recipe.easy_weight
        drawn = [_draw(np.flatnonzero(kind & (weights > 0)), weights, recipe, rng) for kind in (self.spam, ~self.spam)]
        return rng.permutation(np.concatenate(drawn))

    def _groups(self, allowed: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
        for source in np.unique(self.sources[allowed]):
            for kind in (self.spam, ~self.spam):
                mask = allowed & (self.sources == source) & kind
                if mask.any():
                    yield mask


def _draw(rows: Rows, weights: NDArray[np.float64], recipe: ReaderRecipe, rng: np.random.Generator) -> Rows:
    return rng.choice(rows, recipe.rows_per_label, replace=True, p=weights[rows] / weights[rows].sum())
