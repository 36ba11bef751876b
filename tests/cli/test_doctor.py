"""`moderation doctor`: each kind of trouble is brought about for real, named, and told apart from the others."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import text

from moderation.actions.callbacks import deliver_due
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.deliveries import RETRY_DELAYS
from moderation.actions.digests import send_due_digests, set_digest
from moderation.actions.doctor import diagnose
from moderation.actions.doctor_findings import Level
from moderation.actions.labelling import label_comment, label_decision
from moderation.actions.moderators import add_moderator
from moderation.actions.sites import find_site, set_akismet_review, set_thresholds
from moderation.actions.webhooks import add_webhook, deliver_messages
from moderation.cli.serve import open_run_folder
from moderation.cli.state import state_paths
from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.digests import DigestPeriod
from moderation.domain.site import AkismetReviewSettings, Callback
from moderation.domain.webhooks import WebhookEvent
from moderation.registry.model_registry import ModelRegistry
from moderation.settings import Settings
from moderation.wiring import open_services
from tests.cli.conftest import Operator
from tests.cli.test_serve import serving
from tests.conftest import HOLD_ALL
from tests.models import small_arrays, small_card

SITE = "https://blog.example"


@dataclass(frozen=True)
class Installation:
    """A healthy installation for a test to damage."""

    operator: Operator
    settings: Settings

    @property
    def var(self) -> Path:
        return self.settings.var

    @property
    def database(self) -> Path:
        return self.var / "moderation.db"

    @property
    def registry(self) -> ModelRegistry:
        return ModelRegistry(self.settings.models)

    def findings(self, **environment: str) -> list[tuple[str, str, str]]:
        """Return check, level and detail of each finding that is not ok, as a script reads them."""
        result = Operator(self.operator.environment | environment).run("doctor", "--json")
        findings = [tuple(finding.values()) for finding in json.loads(result.stdout)]
        assert result.exit_code == any(level == "problem" for _, level, _ in findings)
        return [finding for finding in findings if finding[1] != "ok"]

    def only_finding(self, **environment: str) -> tuple[str, str, str]:
        (finding,) = self.findings(**environment)
        return finding

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(statement)


@pytest.fixture
def installation(
    operator: Operator, own_registry: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Installation:
    """An installation in good order."""
    for name in [name for name in os.environ if name.startswith("MODERATION_")]:
        monkeypatch.delenv(name)
    keeper = Operator(operator.environment | {"MODERATION_MODELS": str(own_registry)})
    return Installation(keeper, settings.model_copy(update={"models": own_registry}))


def test_a_healthy_installation_has_no_findings(installation: Installation) -> None:
    """Each check has a line, the exit status is 0, and no file was changed."""

    def state() -> dict[str, tuple[int, bytes]]:
        files = (path for path in installation.var.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    lines = installation.operator.get("doctor").splitlines()
    assert {line.split()[0] for line in lines} == {"ok"} and state() == before
    checks = {line.split()[1] for line in lines}
    assert checks >= {"settings", "schema", "secret", "clock", "callbacks", "models", "disk", "permissions", "wal"}


def lose_database(installation: Installation) -> None:
    installation.database.unlink()


def damage_database(installation: Installation) -> None:
    installation.database.write_bytes(b"x" * 5000)


def make_database_newer(installation: Installation) -> None:
    installation.execute("UPDATE alembic_version SET version_num = '9999'")
    installation.execute("UPDATE installation SET oldest_program = '9999'")


def make_database_older(installation: Installation) -> None:
    installation.execute("UPDATE alembic_version SET version_num = '0001'")


def lose_secret(installation: Installation) -> None:
    (installation.var / "secret").unlink()


def change_secret(installation: Installation) -> None:
    (installation.var / "secret").write_bytes(b"x" * 32)


def show_secret(installation: Installation) -> None:
    (installation.var / "secret").chmod(0o644)


def open_folder(installation: Installation) -> None:
    installation.var.chmod(0o755)


def give_away_database(installation: Installation) -> None:
    try:
        os.chown(installation.database, 65534, 65534)
    except PermissionError:
        pytest.skip("only root gives files away")


def truncate_live_model(installation: Installation) -> None:
    os.truncate(installation.settings.models / "small" / "model.joblib", 1000)


def demote_every_model(installation: Installation) -> None:
    installation.registry.current_file.unlink()


def promote_other_features(installation: Installation) -> None:
    installation.registry.add(small_arrays() | {"features_version": 0}, small_card("older"))
    installation.registry.current_file.write_text("older\n")


def truncate_other_model(installation: Installation) -> None:
    folder = shutil.copytree(installation.settings.models / "small", installation.settings.models / "other")
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"id": "small"', '"id": "other"'))
    os.truncate(folder / "model.joblib", 1000)


def leave_run_folder(installation: Installation) -> None:
    _, lock = open_run_folder(installation.var / "metrics")
    os.close(lock)


def interrupt_restore(installation: Installation) -> None:
    (installation.var / "restore.json").write_text("[]")


def receive_comment_tomorrow(installation: Installation) -> None:
    services = open_services(installation.settings)
    check_comment(services, find_site(services, SITE), CheckRequest(Comment("Hello")))
    services.engine.dispose()
    installation.execute(f"UPDATE comments SET received_at = received_at + {86_400 * 10**6}")


TROUBLES: dict[Callable[[Installation], None], tuple[str, str, str]] = {
    lose_database: ("schema", "problem", "moderation init"),
    damage_database: ("schema", "problem", "not an SQLite database"),
    make_database_newer: ("schema", "problem", "install that version"),
    make_database_older: ("schema", "problem", "moderation init"),
    lose_secret: ("secret", "problem", "is missing"),
    change_secret: ("secret", "problem", "another database"),
    show_secret: ("permissions", "problem", "chmod 600"),
    open_folder: ("permissions", "warning", "chmod 700"),
    give_away_database: ("permissions", "problem", "different owners"),
    truncate_live_model: ("models", "problem", "truncated"),
    demote_every_model: ("models", "problem", "moderation promote"),
    promote_other_features: ("models", "problem", "train it again"),
    truncate_other_model: ("models", "warning", "remove its folder"),
    leave_run_folder: ("processes", "warning", "1 folders of ended runs"),
    interrupt_restore: ("restore", "problem", "moderation restore"),
    receive_comment_tomorrow: ("clock", "problem", "set it"),
}


@pytest.mark.sqlite("it changes the database file")
@pytest.mark.parametrize("damage", TROUBLES, ids=lambda damage: damage.__name__)
def test_each_trouble_is_the_one_finding(installation: Installation, damage: Callable[[Installation], None]) -> None:
    """It is named with what to do, and the other checks stay ok."""
    damage(installation)
    check, level, words = TROUBLES[damage]
    finding = installation.only_finding()
    assert finding[:2] == (check, level) and words in finding[2]


SETTINGS = {
    "a mistyped name": ({"MODERATION_WORKER": "2"}, "warning", "MODERATION_WORKER is no setting"),
    "an unusable value": ({"MODERATION_WORKERS": "many"}, "problem", "MODERATION_WORKERS"),
    "more lost than held": ({"MODERATION_MAX_LOST_RATE": "0.5"}, "problem", "MODERATION_MAX_HELD_RATE"),
    "open without HTTPS": ({"HOST": "0.0.0.0"}, "warning", "MODERATION_SECURE_COOKIES"),
    "too many workers": ({"MODERATION_WORKERS": "64"}, "warning", "processors"),
    "comments in clear": (
        {"MODERATION_ADVISER_URL": "http://gpu.example/v1", "MODERATION_ADVISER_MODEL": "m"},
        "warning",
        "without encryption",
    ),
    "a long wait": ({"MODERATION_BUSY_TIMEOUT_SECONDS": "600"}, "warning", "at most 30"),
}


@pytest.mark.parametrize(("environment", "level", "words"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_look_wrong(
    installation: Installation, environment: dict[str, str], level: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable to change is named."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    finding = installation.only_finding(**environment)
    assert finding[:2] == ("settings", level) and words in finding[2]


@pytest.mark.sqlite("it changes the database file")
def test_several_troubles_are_all_shown(installation: Installation) -> None:
    """One broken part does not hide the others."""
    for damage in (lose_database, open_folder, truncate_live_model):
        damage(installation)
    assert [check for check, _, _ in installation.findings()] == ["schema", "models", "permissions"]


@pytest.mark.sqlite("it changes the database file")
def test_a_locked_database_is_named(installation: Installation) -> None:
    """The check waits for the lock as long as a write does."""
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        finding = installation.only_finding(MODERATION_BUSY_TIMEOUT_SECONDS="0.2")
    assert finding[:2] == ("schema", "problem") and "locked" in finding[2]


@pytest.mark.sqlite("it changes the database file")
def test_a_large_wal_file_is_named(installation: Installation) -> None:
    """A reader that stays keeps SQLite from writing it back."""
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sites").fetchone()
        with closing(sqlite3.connect(installation.database)) as writer, writer:
            writer.execute("PRAGMA synchronous = OFF")
            writer.execute("CREATE TABLE ballast AS SELECT zeroblob(70000000) AS bytes")
        check, level, detail = installation.only_finding()
    assert (check, level) == ("wal", "warning") and "end programs" in detail


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 30 megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=30m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs more rights than this user has")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_small_disk_is_a_warning_and_a_full_one_a_problem(installation: Installation, small_disk: Path) -> None:
    """Each file system of the state is looked at."""
    shutil.copytree(installation.var, small_disk / "var")
    moved = {"MODERATION_VAR": str(small_disk / "var")}
    assert installation.only_finding(**moved)[:2] == ("disk", "warning")
    (small_disk / "ballast").write_bytes(bytes(15_000_000))
    assert installation.only_finding(**moved)[:2] == ("disk", "problem")


@pytest.mark.sqlite("it changes the database file")
def test_callbacks_that_fail_are_told_from_those_given_up(installation: Installation) -> None:
    """The service retries the first kind; the operator retries the second."""
    services = open_services(installation.settings)
    set_thresholds(services, SITE, HOLD_ALL)
    site = set_akismet_review(services, SITE, AkismetReviewSettings(private_callback=True))
    callback = Callback("https://blog.example/callback", "0123456789ab")
    decision = check_comment(
        services, site, CheckRequest(Comment("Hold me"), channel="akismet", callback=callback)
    ).decision
    label_decision(services, site, decision.id, LabelValue.SPAM, "mara", "queue")
    deliver_due(services, seconds=1.0)
    check, level, detail = installation.only_finding()
    assert (check, level) == ("callbacks", "warning") and SITE in detail
    installation.execute(f"UPDATE callbacks SET attempts = {len(RETRY_DELAYS)}, next_attempt_at = 0")
    deliver_due(services, seconds=1.0)
    services.engine.dispose()
    check, level, detail = installation.only_finding()
    assert (check, level) == ("callbacks", "problem") and "--retry-callbacks" in detail


def test_labels_that_teach_nothing_are_found(installation: Installation) -> None:
    """After an update their features are of another version, until the remedy is run."""
    services = open_services(installation.settings)
    label_comment(services, find_site(services, SITE), Comment("Buy a shed"), LabelValue.SPAM, "mara", "queue")
    services.engine.dispose()
    shown = ("site", "show", SITE, "--json")
    counts = json.loads(installation.operator.run(*shown).stdout)
    assert (counts["labels_that_teach"], counts["labels_without_features"]) == (1, 0)
    services = open_services(installation.settings)
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE label_features SET features_version = 1"))
    services.engine.dispose()
    check, level, detail = installation.only_finding()
    assert (check, level) == ("learning", "warning") and "missing: 1" in detail and "moderation init" in detail
    assert "without features 1" in installation.operator.run("site", "show", SITE).stdout
    assert installation.operator.run("init").exit_code == 0
    assert installation.findings() == []


def test_a_clock_in_the_past_is_a_problem(installation: Installation) -> None:
    """A machine whose clock lost its battery starts years ago."""
    findings = diagnose(state_paths(installation.settings), installation.var, datetime(1970, 1, 2, tzinfo=UTC))
    assert [finding.check for finding in findings if finding.level is Level.PROBLEM] == ["clock"]


@pytest.mark.e2e
def test_it_runs_beside_the_service(installation: Installation) -> None:
    """A running service with several workers has no findings."""
    several = Operator(installation.operator.environment | {"MODERATION_WORKERS": "2"})
    with serving(several):
        assert installation.findings(MODERATION_WORKERS="2") == []


def test_orphans_of_a_killed_server_are_named(installation: Installation) -> None:
    """A worker whose server was killed and that serves on: the sentence has its process id."""
    with serving(installation.operator) as (process, _):
        workers = workers_of(process.pid)
        os.kill(workers[0], signal.SIGSTOP)
        try:
            process.kill()
            process.wait()
            wait_until(lambda: parent_of(workers[0]) != process.pid)
            check, level, detail = installation.only_finding()
            assert (check, level) == ("processes", "problem") and f"kill {workers[0]}`" in detail
        finally:
            os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: installation.findings() == [])


def workers_of(process_id: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()))


def parent_of(process_id: int) -> int:
    return int(Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(condition: Callable[[], bool]) -> None:
    end = monotonic() + 10
    while not condition():
        assert monotonic() < end
        sleep(0.05)


@pytest.mark.sqlite("it changes the database file")
def test_messages_and_digests_that_fail(installation: Installation) -> None:
    """A retried webhook is a warning, an abandoned one a problem; a digest's finding names a command."""
    services = open_services(installation.settings)
    set_thresholds(services, SITE, HOLD_ALL)
    add_webhook(services, "https://hooks.invalid/", [WebhookEvent.HELD])
    add_moderator(services, "noah", "correct horse battery")
    set_digest(services, "noah", "noah@blog.example", DigestPeriod.DAY)
    check_comment(services, find_site(services, SITE), CheckRequest(Comment("Hold me")))
    deliver_messages(services, seconds=1.0)
    send_due_digests(replace(services, clock=lambda: services.clock() + timedelta(days=1)))
    webhooks, digests = installation.findings()
    assert webhooks[:2] == ("webhooks", "warning") and digests[:2] == ("digests", "warning")
    assert "moderation moderator digest noah --now" in digests[2]
    installation.execute("UPDATE webhook_messages SET next_attempt_at = NULL")
    services.engine.dispose()
    assert any(
        found[:2] == ("webhooks", "problem") and "webhook retry 1" in found[2] for found in installation.findings()
    )
