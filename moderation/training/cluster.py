"""A Dask cluster as the place where training and evaluation compute: at a scheduler, or processes of this machine.

Its results are those of `Processors`, to the last bit: the same functions run on the same parts in the same order.
"""

import logging
import re
import signal
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_info, threadpool_limits

from moderation.domain.errors import InvalidInput
from moderation.features.extraction import FEATURES_VERSION
from moderation.training.corpus import Corpus, LabelWords
from moderation.training.executors import ProgressCallback
from moderation.training.model_cards import library_versions
from moderation.training.placed_corpus import read_placed_corpus
from moderation.training.relabelling import Relabelling

if TYPE_CHECKING:
    from distributed import Client, Future

_LOOPBACK = "127.0.0.1"
_LOCAL = re.compile(r"local:([1-9]\d?)")
_REMOTE = re.compile(r"(?:tcp|tls)://[^\s/]+:\d+")
_CONNECT_SECONDS = 10
_LIBRARIES = ("moderation", "numpy", "scipy", "scikit-learn", "distributed")
_CALLS_AHEAD_PER_THREAD = 3


class Cluster:
    """The workers that a client of Dask has, as an `Executor`."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def read_corpus(
        self, paths: Sequence[Path], report: Callable[[str], None], words: LabelWords, relabelling: Relabelling
    ) -> Corpus:
        """Return the labelled comments of all files, their texts left on the workers."""
        return read_placed_corpus(paths, report, words, relabelling, self)

    def place(
        self,
        function: Callable[..., Any],
        calls: Sequence[Sequence[Any]],
        progress: ProgressCallback | None = None,
    ) -> Sequence[Any]:
        """Return the results of all calls, left on the workers. If one of these is lost, others compute its results."""
        from distributed import as_completed

        futures = [self._submit(function, call) for call in calls]
        for done, future in enumerate(as_completed(futures), 1):
            if future.status == "error":
                future.result()
            if progress is not None:
                progress(done / len(futures))
        return futures

    def stream(
        self, function: Callable[..., Any], calls: Iterable[Sequence[Any]], *, threads: bool = False
    ) -> Iterator[Any]:
        """Yield the result of each call in order. Few calls are sent ahead, so that few results wait."""
        most = _CALLS_AHEAD_PER_THREAD * sum(self._client.nthreads().values())
        ahead: deque[Future[Any]] = deque()
        for call in calls:
            ahead.append(self._submit(function, call))
            if len(ahead) > most:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    def _submit(self, function: Callable[..., Any], call: Sequence[Any]) -> "Future[Any]":
        return self._client.submit(_call, function, *call, pure=False)


@contextmanager
def open_cluster(address: str, report: Callable[[str], None]) -> Iterator[Cluster]:
    """Connect to the scheduler at an address, or start processes for `local:N` and stop them after the block.

    Calls `report` with a sentence that has the address of the dashboard. Raises `InvalidInput` with a remedy for an
    address that does not answer, for missing or different versions, and for workers that are lost.
    """
    local = _LOCAL.fullmatch(address)
    if not local and not _REMOTE.fullmatch(address):
        raise InvalidInput(
            f"{address!r} is no cluster: give the address of a scheduler, such as tcp://10.0.0.5:8786, "
            "or local:N for N processes of this machine."
        )
    if find_spec("distributed") is None:
        raise InvalidInput("--cluster needs Dask, which is not installed: pip install 'moderation[cluster]'.")
    _silence()
    with ExitStack() as stack, explain_errors():
        client = stack.enter_context(_start(int(local[1])) if local else _connect(address))
        check_workers(client, address)
        report(f"Cluster of {len(client.nthreads())} workers. Dashboard: {client.dashboard_link}")
        yield Cluster(client)


@contextmanager
def _start(workers: int) -> "Iterator[Client]":
    """Start workers of one thread each. Only this machine can reach them."""
    from distributed import Client, LocalCluster

    with tempfile.TemporaryDirectory(prefix="moderation-") as folder:
        with _ignoring_interrupts():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host=_LOOPBACK,
                dashboard_address=f"{_LOOPBACK}:0",
                local_directory=folder,
                silence_logs=logging.CRITICAL,
            )
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Let the processes that the block starts ignore Ctrl-C, which a terminal sends to them too: this one ends them."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


@contextmanager
def _connect(address: str) -> "Iterator[Client]":
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError):
        raise InvalidInput(
            f"No Dask scheduler answers at {address}: start one with `dask scheduler`, or give its address."
        ) from None
    with client:
        yield client


def check_workers(client: "Client", address: str) -> None:
    """Raise `InvalidInput` if there is no worker, or one that would compute something else."""
    if not client.nthreads():
        raise InvalidInput(f"The scheduler at {address} has no worker: start some with `dask worker {address}`.")
    here = versions()
    for worker, there in client.run(versions, on_error="return").items():
        if not isinstance(there, dict):
            raise InvalidInput(
                f"The worker {worker} cannot run moderation ({type(there).__name__}): "
                "install the same version of it there as here."
            )
        for name, version in here.items():
            if there[name] != version:
                raise InvalidInput(
                    f"The worker {worker} has {name} {there[name]}, but here it is {version}: install the same "
                    "versions on all machines, and set OPENBLAS_CORETYPE to the same kernels, such as Haswell."
                )


def versions() -> dict[str, str]:
    """Return the versions that the result of a computation depends on."""
    kernels = {str(library.get("architecture")) for library in threadpool_info() if library["user_api"] == "blas"}
    return library_versions(_LIBRARIES) | {"features": str(FEATURES_VERSION), "kernels": ", ".join(sorted(kernels))}


@contextmanager
def explain_errors() -> Iterator[None]:
    """Raise `InvalidInput` with the remedy in place of an error of the cluster."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except (KilledWorker, MemoryError):
        raise InvalidInput(
            "A part of the work ended worker after worker, most likely for want of memory: start fewer workers on "
            "each machine, or give each more, as by `dask worker --memory-limit`."
        ) from None
    except (CommClosedError, CancelledError):
        raise InvalidInput("The connection to the cluster was lost: see whether its scheduler runs.") from None


def _silence() -> None:
    """Keep the messages of Dask from the terminal: the errors that matter are raised here."""
    import dask

    dask.config.set({"logging": {"distributed": "critical"}, "distributed.admin.large-graph-warning-threshold": "1TB"})
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="distributed")


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    # For good: the worker computes nothing else, and its calls would compete for the processors.
    threadpool_limits(1)
    return function(*arguments)
