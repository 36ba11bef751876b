"""`moderation import` and `moderation history`, as an operator uses them."""

import gzip
import json
from pathlib import Path

import pytest

from moderation.exports.formats import FORMATS
from tests.cli.conftest import Operator
from tests.exports import samples

BLOG = "https://blog.example"
PILLS = "Cheap casino pills, buy now at http://pills-casino.example"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export of 62 published comments, one of which is spam."""
    texts = [f"My aunt made the soup of number {number}, and we liked it." for number in range(61)]
    comments = [samples.wxr_comment(number, text, url="", email="") for number, text in enumerate([*texts, PILLS], 1)]
    path = tmp_path / "bakery.xml.gz"
    path.write_bytes(gzip.compress(samples.wxr(samples.wxr_item(comments))))
    return path


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_imported(operator: Operator, tmp_path: Path, kind: str) -> None:
    """The counts are those of the file, and the second import adds nothing."""
    path = samples.sample(kind, tmp_path)
    first = operator.get_json("import", kind, path, "--site", BLOG)
    published, spam = first["comments"]["published"], first["comments"]["spam"]
    assert published >= 1 and first["stored"] == published + spam and first["labelled"] == spam
    again = operator.get_json("import", kind, path, "--site", BLOG)
    assert (again["stored"], again["known"], again["labelled"]) == (0, published, 0)
    exported = operator.get("labels", "export", "--site", BLOG)
    assert exported.count("\n") == 1 + spam


def test_the_import_says_what_it_did(operator: Operator, export: Path) -> None:
    """Counts, completeness, the second look and the thresholds are on one screen; a dry run says that it was one."""
    dry = operator.get("import", "wordpress", export, "--site", BLOG, "--dry-run")
    assert dry.endswith("Nothing was stored: this was a dry run.\n")
    shown = operator.get("import", "wordpress", export, "--site", BLOG)
    assert shown.startswith(
        "bakery.xml.gz: 62 comments\n  published        62  0 of them pingbacks, trackbacks or webmentions\n"
    )
    assert shown == dry.removesuffix("Nothing was stored: this was a dry run.\n")
    assert "Stored      62 new; 0 known before" in shown
    assert "Complete    yes: the file was read to its end, and 0 of 0 replies lack their parent, where 5% may." in shown
    assert "Second look 1 published comments are above the model's spam threshold" in shown
    assert "Stage       hold" in shown and "of 59 ham comments are at or above it" in shown
    assert operator.get("site", "budget", BLOG) in shown


def test_the_second_look_is_taken(operator: Operator, export: Path) -> None:
    """The list has the numbers by which its comments are labelled; hostile text cannot steer the terminal."""
    operator.get("import", "wordpress", export, "--site", BLOG)
    listed = operator.get_json("history", "second-look", BLOG)
    (entry,) = listed["comments"]
    assert (listed["count"], entry["text"], entry["author"]) == (1, PILLS, "Ida Moss")
    table = operator.get("history", "second-look", BLOG, "--limit", "5")
    assert str(entry["comment"]) in table and "Cheap casino pills" in table
    said = operator.get("history", "label", BLOG, "spam", str(entry["comment"]), "--by", "mara")
    assert said.startswith("1 comments are labelled spam.\n")
    assert operator.get_json("history", "second-look", BLOG)["count"] == 0
    result = operator.run("history", "label", BLOG, "spam", "999")
    assert (result.exit_code, result.stderr) == (4, "Error: The history of this site has no comment 999.\n")


def test_a_history_is_removed(operator: Operator, export: Path) -> None:
    """A dry run shows the same counts; a site without imports is refused in a sentence."""
    thresholds = operator.get("site", "budget", BLOG)
    operator.get("import", "wordpress", export, "--site", BLOG)
    dry = operator.get("history", "remove", BLOG, "--dry-run")
    assert dry.endswith("Nothing was removed: this was a dry run.\n")
    assert operator.get_json("history", "second-look", BLOG)["count"] == 1
    removed = operator.get("history", "remove", BLOG)
    assert removed == dry.removesuffix("Nothing was removed: this was a dry run.\n")
    assert removed.startswith("History     62 comments removed from it\nComments    62 deleted;")
    assert thresholds in removed and operator.get("site", "budget", BLOG) == thresholds
    result = operator.run("history", "remove", BLOG)
    assert (result.exit_code, result.stderr) == (4, f"Error: Nothing was imported for {BLOG}.\n")
    operator.get("import", "wordpress", export, "--site", BLOG)
    counts = operator.get_json("history", "remove", BLOG)
    assert (counts["history"], counts["deleted"], counts["labels"], counts["dry_run"]) == (62, 62, 0, False)


def test_a_table_needs_a_word(operator: Operator, tmp_path: Path) -> None:
    """A table may be any selection, so it counts only if the operator says that it is complete."""
    path = tmp_path / "comments.json"
    path.write_text(json.dumps([{"body": f"Soup number {number}", "who": {"name": "Ida"}} for number in range(60)]))
    columns = ("--column", "text=body", "--column", "author=who.name")
    partial = operator.get_json("import", "csv", path, "--site", BLOG, *columns)
    assert (partial["complete"], partial["rollout"]["ham_count"]) == (False, 0)
    complete = operator.get_json("import", "csv", path, "--site", BLOG, *columns, "--complete")
    assert (complete["complete"], complete["stored"], complete["rollout"]["ham_count"]) == (True, 0, 60)


def test_wrong_input_is_refused_in_a_sentence(operator: Operator, tmp_path: Path) -> None:
    """Another file, another column and another format have exit code 2; another site has 4."""
    path = samples.sample("disqus", tmp_path)
    result = operator.run("import", "wordpress", path, "--site", BLOG)
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: disqus.export is another kind of XML: it begins with <disqus>, not with <rss>.\n",
    )
    assert operator.run("import", "csv", path, "--site", BLOG, "--column", "body=text").exit_code == 2
    assert operator.run("import", "drupal", path, "--site", BLOG).exit_code == 2
    assert operator.run("import", "disqus", path, "--site", "https://unknown.example").exit_code == 4


def test_an_export_may_come_through_a_pipe(operator: Operator, tmp_path: Path) -> None:
    """All formats but Isso's."""
    content = samples.sample("disqus", tmp_path).read_bytes()
    shown = operator.get("import", "disqus", "-", "--site", BLOG, stdin=content)
    assert shown.startswith("stdin: 5 comments\n")
    result = operator.run("import", "isso", "-", "--site", BLOG, stdin=content)
    assert result.exit_code == 2 and "has to be a file" in result.stderr
