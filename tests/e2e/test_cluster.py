"""`train`, `evaluate` and `replay` with `--cluster`: the bytes and the words of one machine, and plain errors."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.e2e.service import Service, free_port
from tests.models import STARTER, write_rows

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'moderation[cluster]'")
pytestmark = pytest.mark.e2e

RECIPE = "folds = 3\nmax_iter = 30\n"
TIMEOUT_SECONDS = 400
JUDGED = 600
JUDGE = """
import sys
from pathlib import Path
from moderation.actions.check import check_comments
from moderation.actions.sites import find_site
from moderation.cli._options import opened_services
from moderation.training.corpus import read_corpus

comments = read_corpus([Path(sys.argv[1])], lambda _: None).comments[:int(sys.argv[2])]
with opened_services() as services:
    for start in range(0, len(comments), 100):
        check_comments(services, find_site(services, "https://blog.example"), comments[start : start + 100])
"""
"""Judges and stores comments, on which a replay decides again."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Return a service with judged comments, a corpus of two files and a quick recipe."""
    prepared = Service(tmp_path_factory.mktemp("cluster"))
    prepared.prepare()
    for number, name in enumerate(("first", "second"), 1):
        write_rows(prepared.folder / f"{name}.csv", slice(number, None, 2))
    (prepared.folder / "recipe.toml").write_text(RECIPE, "utf-8")
    command = [sys.executable, "-c", JUDGE, str(prepared.folder / "first.csv"), str(JUDGED)]
    subprocess.run(command, cwd=prepared.code, env=prepared.environment, check=True)
    run(service=prepared, arguments=[*training(prepared), "--id", "alone"])
    return prepared


def training(service: Service) -> list[str]:
    corpus = [str(service.folder / name) for name in ("first.csv", "second.csv")]
    return ["train", *corpus, "--recipe", str(service.folder / "recipe.toml")]


@contextmanager
def started(service: Service, arguments: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a command in its own process group, and kill what is left of it."""
    command = [sys.executable, "-m", "moderation", *arguments]
    pipe, environment = subprocess.PIPE, service.environment
    with subprocess.Popen(
        command, cwd=service.code, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def run(service: Service, arguments: list[str], code: int = 0) -> tuple[str, str]:
    """Return stdout and stderr of a command that ends with this code."""
    with started(service, arguments) as process:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == code, err
        assert "Traceback" not in err
        return out, err


def weights(service: Service, model_id: str) -> bytes:
    return (service.folder / "models" / model_id / "model.joblib").read_bytes()


def worker_ids(process: "subprocess.Popen[str]") -> list[int]:
    """Return the processes of the workers that a command has started."""
    children = Path(f"/proc/{process.pid}/task").glob("*/children")
    found = [int(number) for each in children for number in each.read_text("ascii").split()]
    return [number for number in found if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes()]


def interrupt_after(
    process: "subprocess.Popen[str]", line_start: str, act: Callable[["subprocess.Popen[str]"], None]
) -> str:
    """Act on a command when it prints a line that begins so, and return all of its stderr."""
    assert process.stderr is not None
    seen, acted = [], False
    for line in process.stderr:
        seen.append(line)
        if not acted and line.startswith(line_start):
            acted = True
            act(process)
    assert acted, "".join(seen)
    return "".join(seen)


def kill_a_worker(process: "subprocess.Popen[str]") -> None:
    os.kill(worker_ids(process)[0], signal.SIGKILL)


def test_a_model_of_two_workers_has_the_same_bytes(service: Service) -> None:
    """The command prints the same figures, and the address of a dashboard on loopback."""
    out, err = run(service, [*training(service), "--id", "two", "--cluster", "local:2"])
    assert re.search(r"^Cluster of 2 workers\. Dashboard: http://127\.0\.0\.1:\d+/status$", err, re.MULTILINE)
    assert weights(service, "two") == weights(service, "alone")
    alone = service.moderation("models", "show", "alone")
    assert service.moderation("models", "show", "two").replace("Model two,", "Model alone,") == alone
    assert "The model two is in the registry." in out


@pytest.mark.parametrize("line", ["Original comments", "Fitted"])
def test_a_killed_worker_costs_its_parts_alone(service: Service, line: str) -> None:
    """The others compute them again, to the same bytes, during features and fits."""
    name = f"killed-{line.split(maxsplit=1)[0].lower()}"
    with started(service, [*training(service), "--id", name, "--cluster", "local:2"]) as process:
        err = interrupt_after(process, line, kill_a_worker)
        assert process.wait(TIMEOUT_SECONDS) == 0, err
    assert weights(service, name) == weights(service, "alone")
    assert "Traceback" not in err


def test_evaluate_and_replay_print_the_same(service: Service) -> None:
    """Figures by source, and verdicts of past comments by another model."""
    corpora = [str(service.folder / name) for name in ("first.csv", "second.csv")]
    measured = run(service, ["evaluate", *corpora, "--model", "alone"])[0]
    assert run(service, ["evaluate", *corpora, "--model", "alone", "--cluster", "local:2"])[0] == measured
    replayed = run(service, ["replay", "--model", "alone", "--json"])[0]
    assert run(service, ["replay", "--model", "alone", "--json", "--cluster", "local:2"])[0] == replayed
    (site,) = json.loads(replayed)["sites"]
    assert sum(site["after"]["unlabelled"].values()) == JUDGED and site["changes"]


def test_ctrl_c_ends_the_command_and_its_workers(service: Service) -> None:
    """A terminal sends the signal to the whole group."""
    with started(service, [*training(service), "--id", "stopped", "--cluster", "local:2"]) as process:
        err = interrupt_after(process, "Original comments", lambda each: os.killpg(each.pid, signal.SIGINT))
        assert process.wait(60) == 130
        assert err.endswith("Interrupted.\n") and "Traceback" not in err
        deadline = monotonic() + 20
        while group_lives(process.pid):
            assert monotonic() < deadline, "workers outlive the command"
            sleep(0.2)


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_scheduler_that_does_not_answer_is_named(service: Service) -> None:
    """One sentence with the address, and the code of an input that cannot be used."""
    address = f"tcp://127.0.0.1:{free_port()}"
    _, err = run(service, [*training(service), "--id", "none", "--cluster", address], code=2)
    assert (
        err == f"Error: No Dask scheduler answers at {address}: start one with `dask scheduler`, or give its address.\n"
    )


def test_a_scheduler_without_workers_is_named(service: Service) -> None:
    """The command that starts a worker is in the sentence."""
    port = free_port()
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.PIPE, text=True) as scheduler:
        try:
            assert scheduler.stderr is not None
            next(line for line in scheduler.stderr if "Scheduler at" in line)
            address = f"tcp://127.0.0.1:{port}"
            _, err = run(service, ["evaluate", str(STARTER), "--cluster", address], code=2)
        finally:
            scheduler.kill()
    assert err == f"Error: The scheduler at {address} has no worker: start some with `dask worker {address}`.\n"
