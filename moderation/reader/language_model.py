"""The network with its tokenizer and its session, run on one comment at a time.

A comment never shares a run with others, so its logit is the same to the last bit in a file and in a request.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import Any, Self

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

from moderation.features.parsed_comment import ParsedComment
from moderation.reader.graph import EMBEDDED, LOGIT, build_graph
from moderation.reader.inputs import ReaderInput
from moderation.reader.network import Network
from moderation.reader.tokens import ReaderTokenizer, Vocabulary
from moderation.scoring.second_reader import ReaderSkipped

MAX_WAITING = 4
"""Comments of a process that wait for their turn. Each takes some five milliseconds."""
MAX_WAIT_SECONDS = 0.03
_MAX_DURATIONS = 1_000
_PIECES, _SCORES = "vocabulary", "vocabulary_scores"
"""Names of the word pieces in a model file, one in a line, and of their scores."""


def vocabulary_values(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the vocabulary as values of a model file."""
    return {_PIECES: "\n".join(vocabulary.pieces), _SCORES: vocabulary.scores}


class LanguageModel:
    """Reads a comment and returns a logit of spam. `durations` are the seconds of the last comments read in turn."""

    def __init__(self, network: Network, vocabulary: Vocabulary) -> None:
        if len(vocabulary.pieces) != network.sizes.pieces:
            raise ValueError("the vocabulary has another size than the network")
        self._tokenizer = ReaderTokenizer(vocabulary)
        self._embeddings = network.embeddings()
        self._session = _open_session(network)
        self._places = BoundedSemaphore(MAX_WAITING + 1)
        self._turn = Lock()
        self.durations: deque[float] = deque(maxlen=_MAX_DURATIONS)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Build the model from the arrays and the vocabulary of a model file.

        Raises `ValueError` with the part that is missing or unusable, before any of it runs.
        """
        pieces, scores = values.get(_PIECES), values.get(_SCORES)
        if not isinstance(pieces, str) or not isinstance(scores, np.ndarray) or scores.dtype != np.float32:
            raise ValueError("the vocabulary is not usable")
        return cls(Network.from_values(values), Vocabulary(pieces.split("\n"), scores))

    def read(self, parsed: ParsedComment) -> float:
        """Return the logit of a comment. Raises `ReaderSkipped` if the network fails."""
        tokens = self._tokenizer.tokenize(ReaderInput.of(parsed))
        try:
            (logits,) = self._session.run([LOGIT], {EMBEDDED: self._embeddings.embed(tokens)})
        except Exception as error:  # noqa: BLE001 - no error of the runtime keeps a comment from its verdict
            raise ReaderSkipped(f"It failed ({type(error).__name__}).") from None
        logit = float(logits[0])
        if not isfinite(logit):
            raise ReaderSkipped("Its answer was no number.")
        return logit

    def read_in_turn(self, parsed: ParsedComment) -> float:
        """Return the logit of a comment. One is read at a time.

        Raises `ReaderSkipped` if too many wait, if this one waits too long, or if the network fails.
        """
        start = monotonic()
        with self._in_turn():
            try:
                return self.read(parsed)
            finally:
                self.durations.append(monotonic() - start)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise ReaderSkipped(f"{MAX_WAITING} other comments waited for it.")
        try:
            if not self._turn.acquire(timeout=MAX_WAIT_SECONDS):
                raise ReaderSkipped(f"Its turn did not come within {1000 * MAX_WAIT_SECONDS:.0f} milliseconds.")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()


def _open_session(network: Network) -> InferenceSession:
    """Return a session of one thread. The graph comes from a file: a session would keep its bytes in memory."""
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    with TemporaryDirectory() as folder:
        path = Path(folder) / "reader.onnx"
        with path.open("wb") as file:
            file.writelines(build_graph(network))
        return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
