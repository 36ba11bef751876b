"""The run lock: any number of processes serve together, a restore runs alone."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation.actions import run_lock
from moderation.actions.run_lock import Worker, join_run, no_run
from moderation.domain.errors import Conflict


def test_workers_that_start_at_once_all_join(tmp_path: Path) -> None:
    """None takes another one for a restore, and each is noted down."""
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        with ThreadPoolExecutor(8) as pool:
            locks = list(pool.map(lambda worker, var=folder: join_run(var, Worker(worker, 1)), range(8)))
        noted = (folder / "run.lock").read_text().splitlines()
        assert sorted(noted) == [f"{worker} 1" for worker in range(8)]
        for lock in locks:
            assert lock is not None
            os.close(lock)


def test_nothing_starts_during_a_restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start waits a moment for it, then says what to do. Afterwards it joins, and former workers are forgotten."""
    monkeypatch.setattr(run_lock, "MAX_WAIT_SECONDS", 0.1)
    (tmp_path / "run.lock").write_text("1 1\n")
    with no_run(tmp_path), pytest.raises(Conflict, match="when it has ended"):
        join_run(tmp_path)
    lock = join_run(tmp_path)
    assert lock is not None and (tmp_path / "run.lock").read_text() == ""
    with pytest.raises(Conflict, match="stop it first"), no_run(tmp_path):
        pass
    os.close(lock)
