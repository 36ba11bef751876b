"""Scoring of many comments at a time, without reasons."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from moderation.domain.comment import NO_SIGNALS, Comment
from moderation.features.extraction import extract_batch
from moderation.features.parsed_comment import ParsedComment
from moderation.features.signals.submission import rule_contributions
from moderation.scoring.model import Model, chosen_passages, logistic

BATCH_SIZE = 250
"""Comments parsed at a time, which takes some megabytes."""


def probabilities(model: Model, comments: Iterable[Comment]) -> Iterator[float]:
    """Yield the probability of spam of each comment in order. Batches without reasons are faster than `score`."""
    remaining = iter(comments)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield from parsed_probabilities(model, ParsedComment.parse_batch(batch))


def parsed_probabilities(model: Model, batch: Sequence[ParsedComment]) -> list[float]:
    """Return the probability of spam of each comment of one batch, of at most `BATCH_SIZE`."""
    return list(map(logistic, _logits(model, batch)))


def _logits(model: Model, batch: Sequence[ParsedComment]) -> list[float]:
    """Return the logits of comments without submission signals."""
    logits = _plain_logits(model, batch)
    owners, passages = [], []
    for number, parsed in enumerate(batch):
        chosen = chosen_passages(model, parsed)
        owners += [number] * len(chosen)
        passages += [parsed.passage(passage.start, passage.end) for passage in chosen]
    if passages:
        np.maximum.at(logits, owners, _plain_logits(model, passages) - model.passage_discount)
    logits += [sum(rule_contributions(parsed, NO_SIGNALS).values()) for parsed in batch]
    total: list[float] = (model.second_reader.add_to(logits, batch) if model.second_reader else logits).tolist()
    return total


def _plain_logits(model: Model, batch: Sequence[ParsedComment]) -> NDArray[np.float64]:
    """Return the logits of comments as they are, without rules."""
    rows, signals = extract_batch(batch)
    words = np.clip(rows.sums(model.weights), *model.contribution_limits.T).sum(axis=1)
    named = np.nan_to_num(signals - model.means, nan=0.0) @ model.signal_weights
    return np.asarray(model.bias + words + named, dtype=np.float64)
