"""The page of figures shows the rows that benchmarks wrote, and says where there are none."""

import json
from pathlib import Path

from docs.site.figures import figures_page

ROW = {
    "name": "p99",
    "value": 5.513,
    "unit": "ms",
    "against": "idle: 5 ms",
    "ratio": 1.1026,
    "bar": "ratio at most 1.3",
    "holds": True,
    "command": "make bench-path",
    "commit": "0326695",
}


def page(folder: Path, *rows: object, benchmarks: tuple[str, ...] = ()) -> str:
    (folder / "path.json").write_text(json.dumps(rows), "utf-8")
    return figures_page(folder, benchmarks)


def test_a_row_is_shown_with_its_bar_and_origin(tmp_path: Path) -> None:
    """A reader sees the figure, what it is measured against, and the command that measures it again."""
    text = page(tmp_path, ROW)
    assert "| p99 | 5.513 ms | idle: 5 ms | 1.1026 | ratio at most 1.3 | yes |" in text
    assert "- make bench-path, commit 0326695" in text and "Not run here" not in text


def test_a_figure_that_falls_short_is_marked(tmp_path: Path) -> None:
    """In bold; one that was not measured has the reason in the place of its value."""
    text = page(tmp_path, {**ROW, "holds": False}, {**ROW, "value": None, "unit": "not measured here: no wrk"})
    assert "| **no** |" in text and "| p99 | not measured here: no wrk |" in text


def test_benchmarks_without_rows_are_named(tmp_path: Path) -> None:
    """No figure is invented, and the page has the command for each missing one."""
    assert "No benchmark has run in this checkout." in figures_page(tmp_path / "missing", ("speed",))
    text = page(tmp_path, ROW, benchmarks=("speed", "path"))
    assert "- `make bench-speed`" in text and "- `make bench-path`" not in text and "No benchmark has run" not in text


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Half a file, or one of another kind, does not end the build."""
    for content in ("[{", "{}", "[]", "[1]", '"rows"', "[{}]", "[[]]"):
        (tmp_path / "path.json").write_text(content, "utf-8")
        assert "## path\n\nThe file has no rows that can be read." in figures_page(tmp_path, ())


def test_a_cell_is_no_markup(tmp_path: Path) -> None:
    """A name with a bar, a tag or a line break stays one cell of text."""
    text = page(tmp_path, {**ROW, "name": "a | <b>\n[c](http://d) `e` *f*"})
    assert "| a &#124; &lt;b&gt; &#91;c&#93;(http://d) &#96;e&#96; &#42;f&#42; | 5.513 ms |" in text
