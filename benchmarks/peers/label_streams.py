"""bogofilter and rspamd's Bayes on a stream: each scores a comment with the labels given before it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_streams import Stream
from benchmarks.peers import bogofilter, installation, rspamd
from benchmarks.peers.daemons import PeerFailed, work_folder
from benchmarks.rows import Row, unmeasured
from moderation.domain.comment import Comment

LEARN_BLOCK = 10
"""Labels that a filter learns at a time: a program is started for each block."""

FitPredict = Callable[[Sequence[Comment], NDArray[np.bool_], Sequence[Comment]], NDArray[np.float64]]


@contextmanager
def running_filters(missing: list[Row]) -> Iterator[Mapping[str, FitPredict]]:
    """Start the filters that this machine has, and add a row to `missing` for each of the others."""
    filters: dict[str, FitPredict] = {}
    with ExitStack() as stack:
        for name, start in (("bogofilter", _bogofilter), ("rspamd", _rspamd)):
            reason = installation.missing_reason(name)
            try:
                if reason is None:
                    filters[name] = start(stack.enter_context(work_folder()), stack)
            except PeerFailed as error:
                reason = str(error)
            if reason is not None:
                missing.append(unmeasured(f"{name} on every stream", reason))
        yield filters


def score_stream(
    fit_predict: FitPredict, stream: Stream, labelled: Sequence[int], missing: list[Row]
) -> NDArray[np.float64] | None:
    """Return the scores of a stream by a filter that learns its labels in blocks; .5 before the first block.

    `labelled` are the numbers of the labelled comments in order.
    """
    scores = np.full(len(stream.comments), 0.5)
    bounds = [*labelled[LEARN_BLOCK - 1 :: LEARN_BLOCK], len(stream.comments) - 1]
    try:
        for block, (begin, end) in enumerate(pairwise(bounds), 1):
            known = list(labelled[: block * LEARN_BLOCK])
            comments = [stream.comments[number] for number in known]
            following = stream.comments[begin + 1 : end + 1]
            if following:
                scores[begin + 1 : end + 1] = fit_predict(comments, stream.spam[known], following)
    except (PeerFailed, OSError, HTTPException) as error:
        missing.append(unmeasured(f"{stream.name}: another filter", str(error)))
        return None
    return scores


def _bogofilter(folder: Path, _: ExitStack) -> FitPredict:
    params = bogofilter.PARAM_GRID[0]
    return lambda known, spam, comments: bogofilter.fit_predict(folder, known, spam, comments, params)


def _rspamd(folder: Path, stack: ExitStack) -> FitPredict:
    running = stack.enter_context(rspamd.running(folder))
    params = rspamd.PARAM_GRID[0]
    return lambda known, spam, comments: running.fit_predict(known, spam, comments, params)
