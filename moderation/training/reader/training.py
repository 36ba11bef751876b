"""Trains the second reader of a model on the same comments, and adds the model with its reader to the registry."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput
from moderation.features.parsed_comment import ParsedComment
from moderation.reader.language_model import LanguageModel, vocabulary_values
from moderation.reader.network import Network
from moderation.registry.model_card import ModelCard, ReaderEntry
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.reader_file import reader_values
from moderation.registry.serialization import sha256_hex
from moderation.scoring.second_reader import map_in_threads
from moderation.training.augmentation import augment, borrowing_from
from moderation.training.calibration import calibrate, count_sites
from moderation.training.corpus import SPAM_AND_HAM, Corpus, LabelWords, read_corpus
from moderation.training.executors import report_tenths
from moderation.training.fitting import build_training_set, ham_by_site, out_of_fold_logits
from moderation.training.folds import source_folds
from moderation.training.model_cards import bounds, library_versions, out_of_fold_metrics
from moderation.training.reader.combination import Combination, combine
from moderation.training.reader.fitting import Checkpoint, fit
from moderation.training.reader.pretrained import PretrainedWeights
from moderation.training.reader.recipe import ReaderRecipe
from moderation.training.reader.sequences import Population, Rows, Sequences, frequent_pieces, tokenize
from moderation.training.recipe import Recipe
from moderation.training.relabelling import NOTHING_RELABELLED, Relabelling

_LIBRARIES = ("jax", "optax", "onnxruntime")
_READ_AT_A_TIME = 1_000
_DIGITS = 4

Report = Callable[[str], None]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredComments:
    """The comments of a model with their augmented copies.

    `donors` are the sources that each copy borrows from, as `augment` returns them. `logits` are calibrated, each by a
    linear model that had not seen the comment's site.
    """

    corpus: Corpus
    copies: Sequence[Comment]
    donors: NDArray[np.int64]
    logits: Floats
    recipe: Recipe

    @classmethod
    def of(cls, corpus: Corpus, recipe: Recipe, report: Report) -> "ScoredComments":
        """Score the comments as in the training of the model."""
        training_set = build_training_set(corpus, recipe, report)
        corpus = training_set.corpus
        folds = source_folds(corpus, recipe.folds, recipe.sites)
        models = training_set.fit_folds(folds, recipe, report_tenths(report, "Fitted"))
        logits = out_of_fold_logits(training_set, folds, models)
        slope, offset = calibrate(logits, corpus.spam)
        copies, donors = augment(corpus, recipe)
        return cls(corpus, copies, donors, slope * logits + offset + training_set.plain.rules, recipe)


@dataclass(eq=False)
class ReaderTrainer:
    """Trains readers on scored comments, with or without some of their sites.

    `base` loses the layers and word pieces that the recipe and the comments have no use for.
    """

    scored: ScoredComments
    composed: Corpus | None
    recipe: ReaderRecipe
    base: PretrainedWeights
    checkpoints: Path
    report: Report
    _sequences: Sequences = field(init=False)
    _population: Population = field(init=False)
    _written: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        corpus = self.scored.corpus
        composed, composed_spam = (self.composed.comments, self.composed.spam) if self.composed else ([], [])
        comments = [*corpus.comments, *self.scored.copies, *composed]
        self.report(f"Reading {len(comments)} comments, copies and composed comments.")
        base = self.base.first_layers(self.recipe.layers)
        whole = tokenize(base.vocabulary, comments)
        self.base = base.with_pieces(frequent_pieces(base.vocabulary, whole, self.recipe.min_piece_count))
        tokens = tokenize(self.base.vocabulary, comments)
        self.report(f"{self.base.sizes.pieces} of {base.sizes.pieces} word pieces are kept.")
        self._sequences = Sequences(tokens, np.concatenate([corpus.spam, corpus.spam, composed_spam]).astype(bool))
        registers = np.isin(np.array(corpus.source_names()), self.scored.recipe.other_registers)
        self._population = Population(corpus.spam, corpus.sources, self.scored.logits, registers)

    def fit_without(self, held_out: Mask, name: str) -> Network:
        """Return a reader that has not seen the comments that are held out, nor any copy that borrows from them."""
        rng = np.random.default_rng(self.recipe.seed)
        rows = self._draw(held_out, rng)
        batches = self._sequences.in_order(rows, self.recipe.batch_size, rng)
        files = [*self.scored.corpus.source_files, *(self.composed.source_files if self.composed else ())]
        digests = [self.base.digest, *[file.digest for file in files]]
        settings = self.recipe, self.scored.recipe.training_values()
        run = sha256_hex(repr((settings, digests, batches)).encode())
        checkpoint = Checkpoint(self.checkpoints / f"{name}.npz", run)
        self._written.append(checkpoint.path)
        return fit(self.base, self._sequences, batches, self.recipe, checkpoint, self.report)

    def read_out_of_fold(self) -> Floats:
        """Return the logit of each comment by a reader that had not seen its site.

        It is NaN where the linear model's logit is below the recipe's `min_logit`.
        """
        corpus = self.scored.corpus
        read = np.full(len(corpus.comments), np.nan)
        folds = source_folds(corpus, self.recipe.folds, self.scored.recipe.sites)
        for number, fold in enumerate(folds, 1):
            reader = LanguageModel(self.fit_without(fold, f"fold-{number}"), self.base.vocabulary)
            rows = np.flatnonzero(fold & (self.scored.logits >= self.recipe.min_logit))
            for start in range(0, len(rows), _READ_AT_A_TIME):
                chosen = rows[start : start + _READ_AT_A_TIME]
                batch = ParsedComment.parse_batch(corpus.comments[row] for row in chosen.tolist())
                read[chosen] = list(map_in_threads(reader.read, batch))
        return read

    def remove_checkpoints(self) -> None:
        """Remove the files of this run, and their folder if nothing else is in it."""
        for path in self._written:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.checkpoints.rmdir()

    def _draw(self, held_out: Mask, rng: np.random.Generator) -> Rows:
        """Return the rows of the sequences to read: comments, copies of comments, and composed ones."""
        count = len(held_out)
        rows = self._population.draw(~held_out, self.recipe, rng)
        borrowing = borrowing_from(held_out, self.scored.corpus.sources, self.scored.donors)
        copied = (rng.random(len(rows)) < self.recipe.copy_rate) & ~borrowing[rows]
        rows = rows + count * copied
        if self.composed is None:
            return rows
        share = self.recipe.composed_share
        composed = rng.integers(0, len(self.composed.comments), round(len(rows) * share / (1.0 - share)))
        return rng.permutation(np.concatenate([rows, 2 * count + composed]))


def train_reader(
    registry: ModelRegistry,
    files: Sequence[Path],
    alone: str,
    recipe: ReaderRecipe,
    *,
    model_id: str,
    composed: Corpus | None,
    base: PretrainedWeights,
    checkpoints: Path,
    report: Report,
    words: LabelWords = SPAM_AND_HAM,
    relabelling: Relabelling = NOTHING_RELABELLED,
) -> ModelCard:
    """Add the model `alone` with a second reader to the registry, as a model that is not promoted.

    A run that was interrupted goes on from the files in the folder `checkpoints`, which are removed in the end. Raises
    `InvalidInput` if the base weights or the comments are others than the recipe and the model's card name, and the
    errors of `train`.
    """
    registry.check_can_add(model_id)
    card = registry.card(alone)
    if card.reader is not None:
        raise InvalidInput(f"{alone} has a reader. Name {card.reader.alone}, the model without it.")
    if recipe.base_digest not in ("", base.digest):
        raise InvalidInput("The base weights differ from those that the recipe names by base_digest.")
    corpus = read_corpus(files, report, words, relabelling)
    _check_same_comments(card, corpus, relabelling)
    scored = ScoredComments.of(corpus, Recipe.from_dict(card.recipe), report)
    checkpoints.mkdir(parents=True, exist_ok=True)
    trainer = ReaderTrainer(scored, composed, recipe, base, checkpoints, report)
    combination = combine(scored.corpus, scored.logits, trainer.read_out_of_fold(), scored.recipe, recipe)
    network = trainer.fit_without(np.zeros(len(scored.logits), dtype=bool), "all")
    values = network.values() | vocabulary_values(trainer.base.vocabulary)
    entry = _reader_entry(card, scored, combination, recipe, base, composed)
    new_card = _with_reader(card, model_id, corpus, scored, combination, entry)
    added = registry.add(registry.arrays(alone), new_card, reader_values(values, combination.doubt))
    trainer.remove_checkpoints()
    return added


def _check_same_comments(card: ModelCard, corpus: Corpus, relabelling: Relabelling) -> None:
    """Raise `InvalidInput` unless the model was trained on these files and corrected labels."""
    expected = {(entry.source, entry.digest) for entry in card.corpora}
    found = {(file.source, file.digest) for file in corpus.source_files}
    if found != expected:
        names = ", ".join(sorted({source for source, _ in expected ^ found}))
        raise InvalidInput(f"{card.id} was trained on other files. They differ in: {names}.")
    if relabelling.digest != card.relabelling:
        raise InvalidInput(f"{card.id} was trained with other corrected labels; name the same file with --relabelled.")


def _reader_entry(
    card: ModelCard,
    scored: ScoredComments,
    combination: Combination,
    recipe: ReaderRecipe,
    base: PretrainedWeights,
    composed: Corpus | None,
) -> ReaderEntry:
    spam, asked = scored.corpus.spam, combination.doubt.covers(scored.logits)
    return ReaderEntry(
        digest="",
        base=recipe.base,
        base_licence=recipe.base_licence,
        base_digest=base.digest,
        composed=composed.source_files[0].digest if composed else "",
        recipe=recipe.values(),
        alone=card.id,
        alone_thresholds=card.thresholds,
        alone_guarantees=card.general_guarantees,
        alone_metrics=card.metrics,
        asked={"spam": _share(asked[spam]), "ham": _share(asked[~spam])},
    )


def _with_reader(
    card: ModelCard,
    model_id: str,
    corpus: Corpus,
    scored: ScoredComments,
    combination: Combination,
    entry: ReaderEntry,
) -> ModelCard:
    """Return the card of the model with its reader: thresholds, guarantees and figures are those of both together."""
    probabilities, thresholds = combination.probabilities, combination.thresholds
    return replace(
        card,
        id=model_id,
        thresholds=thresholds,
        metrics=out_of_fold_metrics(scored.corpus, probabilities, thresholds),
        guarantees=bounds(corpus, scored.corpus.spam, probabilities, thresholds),
        general_guarantees=combination.guarantees,
        site_count=count_sites(ham_by_site(scored.corpus, probabilities, scored.recipe)),
        versions=card.versions | library_versions(_LIBRARIES),
        reader=entry,
    )


def _share(mask: Mask) -> float:
    return round(float(mask.mean()), _DIGITS) if len(mask) else 0.0
