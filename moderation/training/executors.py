"""Where training and evaluation compute: on the processors of this machine, or on the workers of a cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from moderation.training.corpus import Corpus, LabelWords, read_corpus
from moderation.training.relabelling import Relabelling

_Result = TypeVar("_Result")
ProgressCallback = Callable[[float], None]
"""Called with the finished proportion, within 0 and 1."""

Calls = Sequence[Sequence[Any]]
"""The arguments of each call of a function."""


class Executor(Protocol):
    """Calls a function once for each of many parts of the data.

    A function must be importable, and its result a pure function of its arguments: a call may be repeated elsewhere.
    """

    def read_corpus(
        self, paths: Sequence[Path], report: Callable[[str], None], words: LabelWords, relabelling: Relabelling
    ) -> Corpus:
        """Return the labelled comments of all files, as the function `read_corpus` does."""
        ...

    def place(
        self, function: Callable[..., Any], calls: Calls, progress: ProgressCallback | None = None
    ) -> Sequence[Any]:
        """Return the results of all calls, left where they were computed.

        Later calls take such a result, or a list of them, as an argument. There it is the value itself.
        """
        ...

    def stream(
        self, function: Callable[..., Any], calls: Iterable[Sequence[Any]], *, threads: bool = False
    ) -> Iterator[Any]:
        """Yield the result of each call in order, as a value of this process.

        `threads` is for functions that compute outside of Python: threads of one process run them side by side.
        """
        ...


@dataclass(frozen=True, slots=True)
class Processors:
    """Processors of this machine: `n_jobs` of them, -1 for all. Results are always values of this process."""

    n_jobs: int = -1

    def read_corpus(
        self, paths: Sequence[Path], report: Callable[[str], None], words: LabelWords, relabelling: Relabelling
    ) -> Corpus:
        """Return the labelled comments of all files, in the memory of this process."""
        return read_corpus(paths, report, words, relabelling)

    def place(
        self, function: Callable[..., Any], calls: Calls, progress: ProgressCallback | None = None
    ) -> Sequence[Any]:
        """Return the results of all calls."""
        return track_progress(self.stream(function, calls), len(calls), progress)

    def stream(
        self, function: Callable[..., Any], calls: Iterable[Sequence[Any]], *, threads: bool = False
    ) -> Iterator[Any]:
        """Yield the result of each call in order."""
        few = not threads and isinstance(calls, Sized) and len(calls) <= 2
        workers = Parallel(
            n_jobs=1 if few else self.n_jobs, prefer="threads" if threads else None, return_as="generator"
        )
        with ExitStack() as stack:
            if threads:
                # Threads of BLAS inside each call would compete with the calls for the processors.
                stack.enter_context(threadpool_limits(1))
            yield from workers(delayed(function)(*call) for call in calls)


ALL_PROCESSORS = Processors()
ONE_PROCESSOR = Processors(1)


def track_progress(work: Iterable[_Result], total: int, progress: ProgressCallback | None) -> list[_Result]:
    """Collect the results that `work` yields, calling `progress` after each of the `total`."""
    results: list[_Result] = []
    for result in work:
        results.append(result)
        if progress is not None:
            progress(len(results) / total)
    return results


def report_tenths(report: Callable[[str], None], activity: str) -> ProgressCallback:
    """Return a callback that reports the progress of an activity at each tenth, once."""
    reported = 0

    def report_progress(proportion: float) -> None:
        nonlocal reported
        tenths = int(proportion * 10 + 1e-9)
        if tenths > reported:
            reported = tenths
            report(f"{activity}: {tenths * 10} %.")

    return report_progress
