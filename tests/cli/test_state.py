"""`moderation backup` and `moderation restore` at a terminal, beside a real service."""

import tarfile
from pathlib import Path

import pytest

from tests.cli.conftest import Operator
from tests.cli.test_serve import serving

pytestmark = pytest.mark.sqlite("it copies the database file")


@pytest.fixture
def keeper(operator: Operator, own_registry: Path) -> Operator:
    """An operator with their own registry and a site."""
    return Operator(operator.environment | {"MODERATION_MODELS": str(own_registry)})


@pytest.mark.e2e
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_backup_needs_no_pause_but_a_restore_does(keeper: Operator, tmp_path: Path, workers: str) -> None:
    """The service holds the run lock from its start to its end; after it, the former state returns."""
    archive = tmp_path / "backup.tar"
    with serving(Operator(keeper.environment | {"MODERATION_WORKERS": workers})):
        assert "verified: the database, the secret, 1 model" in keeper.get("backup", archive)
        refused = keeper.run("restore", "--replace", archive)
        assert refused.exit_code == 9 and "stop it first" in refused.stderr
    keeper.get("site", "add", "https://later.example")
    refused = keeper.run("restore", archive)
    assert refused.exit_code == 9 and "--replace" in refused.stderr
    shown = keeper.get("restore", "--replace", archive)
    assert "before-restore-" in shown and "moderation init" in shown
    assert [site["url"] for site in keeper.get_json("site", "list")] == ["https://blog.example"]


def test_the_manifest_is_printed_for_scripts(keeper: Operator, tmp_path: Path) -> None:
    """It is the one in the archive."""
    archive = tmp_path / "backup.tar"
    manifest = keeper.get_json("backup", archive)
    with tarfile.open(archive) as tar:
        assert [entry.name for entry in tar][1:] == list(manifest["members"])


def test_another_file_is_no_archive(keeper: Operator, tmp_path: Path) -> None:
    """Exit code 2, and a sentence."""
    (tmp_path / "notes").write_text("hello")
    for arguments in (("restore", tmp_path / "notes"), ("backup", tmp_path / "notes")):
        result = keeper.run(*arguments)
        assert result.exit_code == 2 and "no backup" in result.stderr
