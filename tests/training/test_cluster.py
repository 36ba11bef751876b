"""The address of a cluster, and the errors that are met before any work is done."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from moderation.domain.errors import InvalidInput
from moderation.training import cluster
from moderation.training.cluster import check_workers, explain_errors, open_cluster, versions
from tests.models import ignore


@pytest.mark.parametrize("address", ["local", "local:0", "local:x", "10.0.0.5:8786", "http://10.0.0.5:8786", "tcp://a"])
def test_a_malformed_address_is_named(address: str) -> None:
    """The sentence has an example of each form."""
    with pytest.raises(InvalidInput, match=r"tcp://10\.0\.0\.5:8786, or local:N"), open_cluster(address, ignore):
        pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it is in the sentence."""
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match=r"pip install 'moderation\[cluster\]'"), open_cluster("local:2", ignore):
        pass


@dataclass
class Workers:
    """The part of a Dask client that is asked about its workers."""

    described: dict[str, Any] = field(default_factory=dict)

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.described, 1)

    def run(self, _: object, on_error: str) -> dict[str, Any]:
        return self.described


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({}, "has no worker: start some with `dask worker tcp://a:1`"),
        ({"tcp://b:1": ModuleNotFoundError("moderation")}, "tcp://b:1 cannot run moderation"),
        ({"tcp://b:1": versions() | {"numpy": "1.0"}}, "tcp://b:1 has numpy 1.0, but here it is"),
        ({"tcp://b:1": versions() | {"kernels": "Zen"}}, "set OPENBLAS_CORETYPE"),
    ],
)
def test_workers_that_would_compute_something_else_are_refused(described: dict[str, Any], message: str) -> None:
    """The worker is named, with the difference and the remedy."""
    check_workers(Workers({"tcp://b:1": versions()}), "tcp://a:1")
    with pytest.raises(InvalidInput) as refused:
        check_workers(Workers(described), "tcp://a:1")
    assert message in str(refused.value)


def test_lost_workers_and_connections_are_explained() -> None:
    """The want of memory, and a scheduler that has ended."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'moderation[cluster]'")
    with pytest.raises(InvalidInput, match="--memory-limit"), explain_errors():
        raise distributed.KilledWorker("part", None, 3)
    with pytest.raises(InvalidInput, match="whether its scheduler runs"), explain_errors():
        raise distributed.comm.CommClosedError("closed")
