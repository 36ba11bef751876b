"""Corpora made of single comments."""

from collections.abc import Sequence

import numpy as np

from moderation.domain.comment import Comment
from moderation.training.corpus import Corpus, SourceFile


def corpus_of(comments: Sequence[Comment], spam: Sequence[bool], source: str = "mine") -> Corpus:
    """Return a corpus of one source without sites."""
    labels = np.array(spam, dtype=bool)
    ids = [f"c{number}" for number in range(len(comments))]
    source_file = SourceFile(source, "d" * 64, int(labels.sum()), int((~labels).sum()))
    sources = np.zeros(len(comments), dtype=np.int64)
    return Corpus(comments, ids, labels, sources, [source_file], np.full(len(comments), -1))
