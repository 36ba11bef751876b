"""`moderation worker`: real processes beside each other, stopped, killed, and started again."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from moderation.actions.check import check_comments
from moderation.actions.deliveries import CALL_TIMEOUT_SECONDS
from moderation.actions.jobs import list_jobs
from moderation.actions.services import Services
from moderation.actions.sites import find_site, set_thresholds
from moderation.actions.webhooks import add_webhook, count_messages
from moderation.cli.state import state_paths
from moderation.domain.comment import Comment
from moderation.domain.webhooks import WebhookEvent
from moderation.registry.model_registry import ModelRegistry
from moderation.settings import Settings
from moderation.storage.engine import write_transaction
from moderation.storage.operator_tables import job_runs
from moderation.wiring import open_services
from tests.actions.test_background import wait_until
from tests.cli.conftest import Operator
from tests.cli.test_serve import serving
from tests.conftest import HOLD_ALL
from tests.hook_receiver import HookReceiver, receiving_hooks

BLOG = "https://blog.example"
STARTER = Path(__file__).parents[2] / "data" / "starter.csv"
LOOKING_SOON = """
from moderation import job_worker
from moderation.actions import background
background.CHECK_SECONDS = 2.0
job_worker.main()
"""
"""The process of a worker that looks after two seconds whether a retraining is due, in the place of a minute."""
FIRST_LOOK_SECONDS = 30
STARTING_SECONDS = 60
RETRAINING_SECONDS = 300
CLAIM_SECONDS = 50
"""Time after which the claim of a process that died expires."""

pytestmark = pytest.mark.e2e


@pytest.fixture
def services(operator: Operator, settings: Settings) -> Iterator[Services]:
    """Services beside those of the processes."""
    services = open_services(settings)
    yield services
    services.engine.dispose()


@pytest.fixture
def receiver(services: Services) -> Iterator[HookReceiver]:
    with receiving_hooks() as receiver:
        add_webhook(services, receiver.url, [WebhookEvent.HELD], allow_private=True)
        yield receiver


def hold(services: Services, number: int) -> None:
    """Hold comments, each with a message for the receiver."""
    site = set_thresholds(services, find_site(services, BLOG).url, HOLD_ALL)
    check_comments(services, site, [Comment(f"Held comment {place}") for place in range(number)])


def deliveries(receiver: HookReceiver) -> Counter[str]:
    return Counter(message.headers["webhook-id"] for message in receiver.messages)


@contextmanager
def working(
    operator: Operator, arguments: Sequence[str] = ("-m", "moderation", "worker"), **variables: str
) -> Iterator["subprocess.Popen[str]"]:
    """Run a worker until the block ends. It is ready when the block begins."""
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **operator.environment, "MODERATION_JOBS": "worker", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout and any("worker started" in line for line in process.stdout)
            yield process
        finally:
            process.kill()


def result_of(services: Services, job: str) -> str:
    return next((run.result for run in list_jobs(services) if run.name == job), "")


def stop(process: "subprocess.Popen[str]") -> float:
    """Stop a worker with SIGTERM and return the seconds that it took."""
    began = monotonic()
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "worker stopped" in printed and "Traceback" not in printed, printed
    return monotonic() - began


def test_several_workers_deliver_each_message_once(
    operator: Operator, services: Services, receiver: HookReceiver
) -> None:
    """While both run, and while they start and stop."""
    with working(operator) as first, working(operator) as second:
        hold(services, 150)
        wait_until(lambda: len(receiver.messages) > 30)
        stop(first)
        with working(operator) as third:
            wait_until(lambda: count_messages(services) == 0)
            stop(third)
        stop(second)
    counted = deliveries(receiver)
    assert len(counted) == 150 and set(counted.values()) == {1}


def test_a_killed_worker_loses_no_message(operator: Operator, services: Services, receiver: HookReceiver) -> None:
    """The next one delivers the rest. One call may be repeated, under its id: that in which the worker was killed."""
    receiver.pause_seconds = 0.05
    hold(services, 60)
    with working(operator) as process:
        wait_until(lambda: len(receiver.messages) > 10)
        process.kill()
        process.wait()
    assert 0 < count_messages(services) < 60
    with working(operator):
        wait_until(lambda: count_messages(services) == 0, CLAIM_SECONDS + 30)
    counted = deliveries(receiver)
    assert len(counted) == 60 and counted.total() <= 61


def test_a_worker_ends_within_seconds(operator: Operator, services: Services, receiver: HookReceiver) -> None:
    """At once while it waits, and after the call that is under way. The rest stays for the next one."""
    with working(operator) as idle:
        assert stop(idle) < CALL_TIMEOUT_SECONDS
    receiver.pause_seconds = 2.0
    hold(services, 5)
    with working(operator) as busy:
        wait_until(lambda: len(receiver.messages) > 0)
        assert stop(busy) < CALL_TIMEOUT_SECONDS + receiver.pause_seconds
    assert (len(receiver.messages), count_messages(services)) == (1, 4)


def test_a_serving_process_leaves_the_jobs_to_the_worker(
    operator: Operator, services: Services, receiver: HookReceiver
) -> None:
    """It delivers nothing and has no run of a job. The worker does."""
    hold(services, 1)
    with serving(Operator(operator.environment | {"MODERATION_JOBS": "worker"})):
        Event().wait(5)
        assert (receiver.messages, list_jobs(services)) == ([], [])
        with working(operator):
            wait_until(lambda: count_messages(services) == 0)
            wait_until(lambda: {"callbacks", "webhooks"} <= {run.name for run in list_jobs(services)})
    assert len(receiver.messages) == 1


def children(process: "subprocess.Popen[str]") -> list[int]:
    lists = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(each) for children in lists for each in children.read_text("utf-8").split()]


def test_a_worker_retrains(operator: Operator, services: Services, own_registry: Path, tmp_path: Path) -> None:
    """A killed worker leaves no training behind, and the next one begins again. Its outcome is that of the gate."""
    corpus, recipe = tmp_path / "labels.csv", tmp_path / "recipe.toml"
    corpus.write_text("".join(STARTER.read_text("utf-8").splitlines(keepends=True)[:400]), "utf-8")
    recipe.write_text("folds = 2\nmax_iter = 50\n", "utf-8")
    variables = {"MODERATION_MODELS": str(own_registry), "MODERATION_RETRAIN_DAYS": "1"}
    variables["MODERATION_RETRAIN_ARGUMENTS"] = f"--recipe '{recipe}'"
    operator.get("labels", "import", corpus, "--site", BLOG)
    with working(operator, ("-c", LOOKING_SOON), **variables) as killed:
        wait_until(
            lambda: result_of(services, "retraining") == "running" and children(killed) != [], FIRST_LOOK_SECONDS
        )
        (program,) = children(killed)
        killed.kill()
        # It looks for its parent when its imports are done, which take long at the lowest priority.
        wait_until(lambda: not Path(f"/proc/{program}/exe").exists(), STARTING_SECONDS)
    with write_transaction(services.engine) as connection:
        connection.execute(job_runs.update().values(leased_until=services.clock()))
    with working(operator, ("-c", LOOKING_SOON), **variables):
        wait_until(lambda: result_of(services, "retraining") != "running", FIRST_LOOK_SECONDS + RETRAINING_SECONDS)
    result, live = result_of(services, "retraining"), (own_registry / "current").read_text("utf-8").strip()
    printed = (services.secret_path.parent / "retraining.log").read_text("utf-8")
    assert result == ("refused" if live == "small" else "done"), printed
    assert ("was not promoted" in printed) == (result == "refused"), printed
    assert len(ModelRegistry(own_registry).ids()) == 2


def test_a_worker_keeps_the_state_in_use(operator: Operator, settings: Settings) -> None:
    """A restore must not change the files under it. A setting that doubles the work is no error."""
    archive = state_paths(settings).var / "backup.tar"
    operator.get("backup", archive)
    with working(operator, MODERATION_JOBS="inside"):
        refused = operator.run("restore", "--replace", archive)
    assert refused.exit_code == 9 and "stop it first" in refused.stderr
