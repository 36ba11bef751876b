"""A backup holds the whole state while the service runs, and a restore puts all of it back, or nothing."""

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from moderation.actions.archive import CURRENT_MODEL, DATABASE, MANIFEST, SECRET, open_archive
from moderation.actions.backup import StatePaths, back_up
from moderation.actions.check import CheckRequest, check_comment
from moderation.actions.restore import restore
from moderation.actions.run_lock import join_run
from moderation.actions.services import Services
from moderation.domain.comment import Comment
from moderation.domain.errors import Conflict, InvalidInput, StorageUnavailable
from moderation.domain.site import Site
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.promotion_log import Promotion, PromotionWay
from moderation.registry.reader_file import READER_FILE, reader_values
from moderation.settings import Settings
from moderation.storage.snapshot import dump_command, load_command
from moderation.wiring import open_services, prepare
from tests.models import small_arrays
from tests.reader.tiny import EVERYWHERE, tiny_values
from tests.registry.test_reader import card_with_reader

pytestmark = pytest.mark.sqlite("it copies the database file")

NOW = datetime(2026, 1, 2, 12, 30, 45, tzinfo=UTC)
SMALL_DISK = "4m"
Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def state(settings: Settings, services: Services, site: Site, tmp_path: Path) -> StatePaths:
    """The paths of a state with a few decisions and its own models."""
    for number in range(3):
        check_comment(services, site, CheckRequest(Comment(f"Comment {number}")))
    models = shutil.copytree(settings.models, tmp_path / "own")
    return StatePaths(settings.var, models, settings.database, 5.0)


@pytest.fixture
def archive(state: StatePaths, tmp_path: Path) -> Path:
    """A backup of the state."""
    back_up(state, tmp_path / "backup.tar", NOW)
    return tmp_path / "backup.tar"


@pytest.fixture
def elsewhere(tmp_path: Path) -> StatePaths:
    """The paths of an installation that does not exist yet."""
    var = tmp_path / "elsewhere" / "var"
    return StatePaths(var, var / "models", f"sqlite:///{var / 'moderation.db'}", 5.0)


def content(state: StatePaths) -> dict[str, Any]:
    """Return every row of the database but for the notes of backups, the secret and the files of the models."""
    assert state.database
    with closing(sqlite3.connect(state.database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        tables.remove("backups")
        rows = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    files = {
        str(path.relative_to(state.models)): path.read_bytes()
        for path in state.models.rglob("*")
        if path.is_file() and not {".restore", "before-restore-20260102-123045"} & set(path.parts)
    }
    return {"rows": rows, "secret": state.secret.read_bytes(), "models": files}


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def test_a_locked_database_is_saved(state: StatePaths, tmp_path: Path) -> None:
    """The backup is then not noted for erasures, which must not be in its way."""
    assert state.database
    with closing(sqlite3.connect(state.database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        back_up(replace(state, busy_timeout_seconds=0.1), tmp_path / "locked.tar", NOW)
    back_up(state, tmp_path / "noted.tar", NOW)
    back_up(state, tmp_path / "noted.tar", NOW)
    with closing(sqlite3.connect(state.database)) as connection:
        noted = [path for (path,) in connection.execute("SELECT path FROM backups")]
    assert [Path(path).name for path in noted if path.startswith(str(tmp_path))].count("noted.tar") == 1
    assert "locked.tar" not in "".join(noted)


def test_a_round_trip_gives_the_same_state(state: StatePaths, archive: Path, elsewhere: StatePaths) -> None:
    """Every row, the secret and every model come back; only the owner may read the archive and what comes out."""
    restored = restore(elsewhere, archive, NOW, replace=False)
    assert content(elsewhere) == content(state) and restored.kept == ()
    assert {path.stat().st_mode & 0o777 for path in (archive, elsewhere.secret, elsewhere.var / "moderation.db")} == {
        0o600
    }
    services = open_services(Settings(var=elsewhere.var, models=elsewhere.models, database_url=""))
    assert services.live_model.current().id == "small"
    services.engine.dispose()
    assert left_behind(archive.parent) == []


def test_the_history_of_models_comes_back(state: StatePaths, elsewhere: StatePaths, tmp_path: Path) -> None:
    """The log of promotions, a second reader, the shadow candidate and the counts of its verdicts."""
    registry = ModelRegistry(state.models)
    registry.add(small_arrays(), card_with_reader("later"), reader_values(tiny_values(), EVERYWHERE))
    registry.promote("later", record=Promotion(NOW, "later", "small", PromotionWay.FORCED, ("no gain is proved",)))
    registry.set_shadow("small")
    assert state.database
    with closing(sqlite3.connect(state.database)) as connection, connection:
        row = "SELECT id, 'small', created_at, created_at, 'none', '[]', '[]' FROM sites"
        connection.execute(f"INSERT INTO shadow {row}")
    back_up(state, tmp_path / "b.tar", NOW)
    restore(elsewhere, tmp_path / "b.tar", NOW, replace=False)
    restored = ModelRegistry(elsewhere.models)
    assert restored.promotions() == registry.promotions() != []
    assert (restored.shadow_id(), restored.current_id()) == ("small", "later")
    assert (elsewhere.models / "later" / READER_FILE).is_file()
    assert content(elsewhere) == content(state) and len(content(elsewhere)["rows"]["shadow"]) == 1


def test_the_archive_is_an_ordinary_one(archive: Path) -> None:
    """`tar` lists it; the manifest comes first and has the checksum of each file after it."""
    listed = subprocess.run(["tar", "-tf", archive], capture_output=True, text=True, check=True).stdout.split()
    assert listed[0] == MANIFEST and {SECRET, DATABASE, CURRENT_MODEL} <= set(listed)
    with tarfile.open(archive) as tar:
        manifest = json.load(tar.extractfile(MANIFEST) or io.BytesIO())
        for name, member in manifest["members"].items():
            raw = (tar.extractfile(name) or io.BytesIO()).read()
            assert member == {"size": len(raw), "sha256": sha256(raw).hexdigest()}


def test_acknowledged_decisions_are_in_a_backup_under_load(
    services: Services, site: Site, state: StatePaths, elsewhere: StatePaths, tmp_path: Path
) -> None:
    """A decision that was answered before the backup began is in it, however many are written meanwhile."""
    answered: list[str] = []
    stop = Event()

    def write() -> None:
        while not stop.is_set():
            answered.append(
                check_comment(services, site, CheckRequest(Comment(f"Comment {len(answered)}"))).decision.id
            )

    writers = [Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    backups = []
    for number in range(4):
        before = set(answered)
        back_up(state, tmp_path / f"{number}.tar", NOW)
        backups.append(before)
    stop.set()
    for writer in writers:
        writer.join()
    for number, before in enumerate(backups):
        restore(elsewhere, tmp_path / f"{number}.tar", NOW.replace(second=number), replace=True)
        assert before <= {row[0] for row in content(elsewhere)["rows"]["decisions"]}
    assert len(backups[-1]) > len(backups[0])


def test_nothing_is_replaced_without_the_option(
    services: Services, site: Site, state: StatePaths, archive: Path
) -> None:
    """With it, the former files stay in a dated folder, usable, with the decisions of the -wal file."""
    assert state.database
    before = content(state)
    later = check_comment(services, site, CheckRequest(Comment("After the backup"))).decision.id
    changed = content(state)
    (state.models / "current").write_text("small\nsmall\n")
    with pytest.raises(Conflict, match="--replace"):
        restore(state, archive, NOW, replace=False)
    assert content(state)["rows"] == changed["rows"] and later in str(changed)
    restored = restore(state, archive, NOW, replace=True)
    assert content(state) == before
    assert restored.kept == (
        state.models / "before-restore-20260102-123045",
        state.var / "before-restore-20260102-123045",
    )
    kept = replace(state, database_url=f"sqlite:///{restored.kept[1] / 'moderation.db'}")
    assert content(kept)["rows"] == changed["rows"]
    assert (restored.kept[0] / "current").read_text() == "small\nsmall\n"


def test_a_running_service_is_not_restored(state: StatePaths, archive: Path) -> None:
    """The lock is that of any process that serves; it ends with the process."""
    before = content(state)
    lock = join_run(state.var)
    assert lock is not None
    with pytest.raises(Conflict, match="stop it first"):
        restore(state, archive, NOW, replace=True)
    assert content(state) == before
    os.close(lock)
    restore(state, archive, NOW, replace=True)


def members_of(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(entry, (tar.extractfile(entry) or io.BytesIO()).read()) for entry in tar]


def write_members(path: Path, members: Members, mode: Any = "w") -> None:
    with tarfile.open(path, mode) as tar:
        for entry, raw in members:
            entry.size = len(raw) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(raw))


def changed_manifest(members: Members, /, **changes: Any) -> Members:
    (entry, raw), *others = members
    return [(entry, json.dumps(json.loads(raw) | changes).encode()), *others]


def with_entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Callable[[Members], Members]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return lambda members: [*members, (entry, b"")]


def with_content(name: str, raw: bytes, *, listed: bool = False) -> Callable[[Members], Members]:
    """Change the content of a member, and with `listed` its checksum in the manifest."""

    def change(members: Members) -> Members:
        changed = [(entry, raw if entry.name == name else old) for entry, old in members]
        if not listed:
            return changed
        described = json.loads(members[0][1])["members"]
        described[name] = {"size": len(raw), "sha256": sha256(raw).hexdigest()}
        return changed_manifest(changed, members=described)

    return change


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: [(entry, raw) for entry, raw in members if entry.name != name]


HOSTILE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "a path outside": (with_entry("../../evil"), "evil"),
    "an absolute path": (with_entry("/etc/passwd"), "passwd"),
    "a path outside through a model": (with_entry("models/../secret"), "secret"),
    "an unknown file": (with_entry("models/small/evil.py"), "evil"),
    "a symbolic link": (with_entry("models/other/card.json", tarfile.SYMTYPE, "/etc/passwd"), "card.json"),
    "a hard link": (with_entry("models/other/card.json", tarfile.LNKTYPE, SECRET), "card.json"),
    "a device": (with_entry("models/other/card.json", tarfile.CHRTYPE), "card.json"),
    "a FIFO": (with_entry("models/other/card.json", tarfile.FIFOTYPE), "card.json"),
    "a folder": (with_entry("models/other/card.json", tarfile.DIRTYPE), "card.json"),
    "a file twice": (with_entry(SECRET), "secret"),
    "a file that is not listed": (with_entry("models/other/card.json"), "manifest"),
    "no manifest": (without(MANIFEST), "manifest"),
    "no database": (without(DATABASE), "manifest"),
    "no secret": (lambda members: without(SECRET)(changed_manifest(members, members={})), "manifest"),
    "other bytes": (with_content(SECRET, b"x" * 32), "checksum"),
    "a short secret": (with_content(SECRET, b"x", listed=True), "secret"),
    "another secret": (with_content(SECRET, b"x" * 32, listed=True), "secret"),
    "no database file": (with_content(DATABASE, b"x" * 5000, listed=True), "database"),
    "no live model": (with_content(CURRENT_MODEL, b"none\n", listed=True), "live"),
    "a newer schema": (lambda members: changed_manifest(members, revision="9999"), "newer"),
    "a newer format": (lambda members: changed_manifest(members, format=2), "newer"),
    "another revision": (lambda members: changed_manifest(members, revision="0001"), "manifest"),
    "another database kind": (lambda members: changed_manifest(members, database="postgresql"), "manifest"),
    "a deep manifest": (lambda members: [(members[0][0], b"[" * 100_000), *members[1:]], "manifest"),
    "a huge manifest": (lambda members: [(members[0][0], b" " * 2_000_000), *members[1:]], "manifest"),
}


@pytest.mark.parametrize(("change", "word"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_changes_nothing(
    archive: Path, elsewhere: StatePaths, change: Callable[[Members], Members], word: str
) -> None:
    """It is refused in a sentence before any file is in place."""
    write_members(archive, change(members_of(archive)))
    with pytest.raises(InvalidInput, match=word):
        restore(elsewhere, archive, NOW, replace=True)
    assert [path.name for path in elsewhere.var.rglob("*") if path.is_file()] == ["run.lock"]


def test_what_is_no_archive_is_refused(archive: Path, elsewhere: StatePaths) -> None:
    """A truncated archive, a compressed one, a sparse file of a petabyte, and any other file."""
    raw, other = archive.read_bytes(), archive.with_name("other.tar")
    sparse = tarfile.TarInfo("models/other/card.json")
    sparse.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**50), "GNU.sparse.name": sparse.name}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(sparse)
    write_members(other, members_of(archive), "w:gz")
    for content in (
        other.read_bytes(),
        raw[:700],
        raw[: len(raw) // 2],
        b"",
        b"hello",
        buffer.getvalue(),
        bytes(10_240),
    ):
        other.write_bytes(content)
        with pytest.raises(InvalidInput):
            restore(elsewhere, other, NOW, replace=True)


def killed_at(step: int, action: Callable[[], object]) -> bool:
    """Run an action in a process that is killed before its nth rename. Returns whether it was killed."""
    child = os.fork()
    if child == 0:
        count = iter(range(step + 1))

        def hook(event: str, _: object) -> None:
            if event == "os.rename" and next(count) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        action()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_killed_restore_leaves_one_of_the_two_states(
    services: Services, site: Site, state: StatePaths, archive: Path, tmp_path: Path
) -> None:
    """Killed at any rename, the old state is whole, or nothing starts until the next run has completed the new one."""
    target = content(state)
    check_comment(services, site, CheckRequest(Comment("After the backup")))
    (state.models / "current").write_text("small\nsmall\n")
    services.engine.dispose()
    old, saved = content(state), {state.var: tmp_path / "saved", state.models: tmp_path / "models"}
    settings = Settings(var=state.var, models=state.models, database_url="")
    for folder, copy in saved.items():
        shutil.copytree(folder, copy)
    outcomes: list[str] = []
    while killed_at(len(outcomes), lambda: restore(state, archive, NOW, replace=True)):
        if (state.var / "restore.json").exists():
            for opening in (open_services, prepare):
                with pytest.raises(StorageUnavailable, match="interrupted"):
                    opening(settings)
            outcomes.append("refused")
        else:
            assert content(state) in (old, target)
            outcomes.append("old" if content(state) == old else "new")
        restore(state, archive, NOW, replace=True)
        assert content(state) == target and left_behind(state.var) == left_behind(state.models) == []
        for folder, copy in saved.items():
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
    assert outcomes.count("old") >= 1 and outcomes.count("refused") >= 3


def test_a_killed_backup_leaves_no_archive(state: StatePaths, tmp_path: Path) -> None:
    """The former archive stays, and the next backup removes the remains."""
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(state, folder / "daily.tar", NOW)
    before = (folder / "daily.tar").read_bytes()
    assert killed_at(0, lambda: back_up(state, folder / "daily.tar", NOW))
    assert (folder / "daily.tar").read_bytes() == before and left_behind(folder)
    back_up(state, folder / "daily.tar", NOW)
    assert [path.name for path in folder.iterdir()] == ["daily.tar"]


def test_an_archive_never_replaces_another_file(state: StatePaths) -> None:
    """A mistyped name must not cost the database."""
    assert state.database
    before = content(state)
    for path in (state.database, state.secret, state.models / "current"):
        with pytest.raises(InvalidInput, match="no backup"):
            back_up(state, path, NOW)
    assert content(state) == before


def test_a_state_that_does_not_belong_together_is_not_saved(state: StatePaths, tmp_path: Path) -> None:
    """A missing secret, a foreign one, a missing folder and a damaged database are named."""
    assert state.database
    with pytest.raises(StorageUnavailable, match="nowhere"):
        back_up(state, tmp_path / "nowhere" / "b.tar", NOW)
    right = state.secret.read_bytes()
    state.secret.write_bytes(b"x" * 32)
    with pytest.raises(StorageUnavailable, match="another database"):
        back_up(state, tmp_path / "b.tar", NOW)
    state.secret.unlink()
    with pytest.raises(StorageUnavailable, match="secret"):
        back_up(state, tmp_path / "b.tar", NOW)
    state.secret.write_bytes(right)
    with closing(sqlite3.connect(state.database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM comments")
    with pytest.raises(StorageUnavailable, match="damaged"):
        back_up(state, tmp_path / "b.tar", NOW)
    assert not (tmp_path / "b.tar").exists() and left_behind(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes that is full but for one block."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs more rights than this user has")
    (folder / "ballast").write_bytes(bytes(4 * 2**20 - 8192))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_costs_nothing(
    state: StatePaths, archive: Path, elsewhere: StatePaths, small_disk: Path, tmp_path: Path
) -> None:
    """Neither a backup nor a restore leaves anything on it."""
    with pytest.raises(StorageUnavailable):
        back_up(state, small_disk / "b.tar", NOW)
    full = replace(
        elsewhere, var=small_disk, models=small_disk / "m", database_url=f"sqlite:///{small_disk}/moderation.db"
    )
    with pytest.raises(StorageUnavailable, match="Nothing was restored"):
        restore(full, archive, NOW, replace=True)
    assert {path.name for path in small_disk.rglob("*") if path.is_file()} <= {"ballast", "run.lock"}
    (small_disk / "ballast").unlink()
    restore(full, archive, NOW, replace=True)
    assert content(full) == content(state)


def test_the_commands_for_postgresql_have_no_password() -> None:
    """They are complete otherwise, and quoted for a shell."""
    url = "postgresql+psycopg://me:geheim@db.example:5433/moderation?sslmode=require&password=geheim"
    plain = "'--dbname=postgresql://me@db.example:5433/moderation?sslmode=require'"
    assert dump_command(url) == f"pg_dump --format=custom --file=moderation.dump {plain}"
    assert load_command(url).startswith("pg_restore --clean --if-exists --no-owner --single-transaction ")
    assert "geheim" not in dump_command(url) + load_command(url)


def test_another_kind_of_database_is_refused(archive: Path, elsewhere: StatePaths) -> None:
    """An archive with a database cannot be restored into PostgreSQL."""
    with pytest.raises(InvalidInput, match="sqlite"):
        restore(replace(elsewhere, database_url="postgresql+psycopg://me@db.example/x"), archive, NOW, replace=False)
    with open_archive(archive) as opened:
        assert opened.manifest.database == "sqlite"
