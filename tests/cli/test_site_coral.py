"""`moderation site coral`."""

from pathlib import Path

from tests.cli.conftest import Operator

BLOG = "https://blog.example"
SECRET = "empsec_" + "5f" * 33


def test_the_secret_is_set_shown_as_set_and_removed(operator: Operator, tmp_path: Path) -> None:
    """The path is there before, as Coral wants it first. The secret itself is never shown."""
    assert operator.get("site", "coral", BLOG) == f"{BLOG}: Coral asks at /coral/1; no secret is set yet\n"
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", "utf-8")
    shown = operator.get("site", "coral", BLOG, "--secret-file", str(file))
    assert shown == f"{BLOG}: Coral asks at /coral/1; its secret is set\n"
    assert operator.get_json("site", "coral", BLOG) == {"url": BLOG, "path": "/coral/1", "has_secret": True}
    assert operator.get_json("site", "coral", BLOG, "--remove")["has_secret"] is False


def test_an_error_has_its_exit_code(operator: Operator, tmp_path: Path) -> None:
    """An unknown site, a file that holds no secret, and both options at once."""
    file = tmp_path / "secret"
    file.write_text("x" * 100_000, "utf-8")
    assert operator.run("site", "coral", "https://nowhere.example").exit_code == 4
    assert operator.run("site", "coral", BLOG, "--secret-file", str(file)).exit_code == 2
    assert operator.run("site", "coral", BLOG, "--secret-file", str(file), "--remove").exit_code == 2
