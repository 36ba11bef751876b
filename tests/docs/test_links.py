"""Pages keep the links of the repository, and the site places them."""

from pathlib import Path

import pytest

from docs.site.links import linked_files, place, rewrite


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a small repository."""
    files = {
        "README.md": "![Queue](docs/queue.png) [Data](data/README.md) [Decisions](docs/decisions)",
        "data/README.md": "[Reader](../docs/reader.md#train-one)",
        "docs/reader.md": "[Proxy](../deploy/nginx.conf) [Decision](decisions/0001-a.md) [Web](https://blog.example/a.md)",
        "docs/decisions/0001-a.md": "[Reader](../reader.md) [Start](../../README.md) [Gone](../gone.md) [Here](#here)",
        "docs/queue.png": "",
        "deploy/nginx.conf": "[Hidden](../data/README.md)",
        "deploy/other.conf": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "placed"),
    [
        ("README.md", "index.md"),
        ("docs/queue.md", "queue.md"),
        ("docs/decisions", "decisions/index.md"),
        ("data/README.md", "project/data/README.md"),
        ("deploy/nginx.conf", "project/deploy/nginx.conf"),
    ],
)
def test_each_file_has_a_place(path: str, placed: str) -> None:
    """Pages of `docs` are at the top, and other files below `project`."""
    assert place(path) == placed


def test_files_that_a_page_links_to_are_on_the_site(root: Path) -> None:
    """Those of pages outside of `docs` too, but no file that only the text of a non-page names."""
    assert linked_files(root) == ["README.md", "data/README.md", "deploy/nginx.conf"]


@pytest.mark.parametrize(
    ("source", "rewritten"),
    [
        ("README.md", "![Queue](queue.png) [Data](project/data/README.md) [Decisions](decisions/index.md)"),
        ("data/README.md", "[Reader](../../reader.md#train-one)"),
        (
            "docs/reader.md",
            "[Proxy](project/deploy/nginx.conf) [Decision](decisions/0001-a.md) [Web](https://blog.example/a.md)",
        ),
        ("docs/decisions/0001-a.md", "[Reader](../reader.md) [Start](../index.md) [Gone](../gone.md) [Here](#here)"),
    ],
)
def test_a_link_leads_to_the_same_file(root: Path, source: str, rewritten: str) -> None:
    """From any folder; a link to no file stays, so that the build fails for it."""
    assert rewrite((root / source).read_text("utf-8"), source, root) == rewritten
