"""The option `--cluster`, and the place where a command computes."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from moderation.cli._output import echo_status
from moderation.training.executors import Executor

cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Compute on a Dask cluster: tcp://HOST:PORT of its scheduler, or local:N for N processes here.",
)


@contextmanager
def opened_executor(address: str | None, otherwise: Executor) -> Iterator[Executor]:
    """Open the cluster for the block; without an address, yield the other executor."""
    if address is None:
        yield otherwise
        return
    from moderation.training.cluster import open_cluster

    with open_cluster(address, echo_status) as cluster:
        yield cluster
