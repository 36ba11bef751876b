"""Each format gives the comments of its program, with their states, pages, authors and times."""

import csv
import gzip
import io
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.domain.comment import Comment
from moderation.domain.errors import InvalidInput
from moderation.domain.history import PastComment
from moderation.exports.formats import FORMATS, open_export
from moderation.training.corpus import parse_label_words
from tests.exports import samples
from tests.exports.samples import AWKWARD, AWKWARD_URL, SITE

TEN = datetime(2024, 3, 1, 10, tzinfo=UTC)


def read(kind: str, path: Path, columns: Mapping[str, str] | None = None, labels: str = "x=skip") -> list[PastComment]:
    with open_export(kind, path, SITE, columns, parse_label_words(labels)) as export:
        return list(export.comments)


def read_bytes(kind: str, content: bytes, folder: Path, **options: str) -> list[PastComment]:
    path = folder / "file.export"
    path.write_bytes(content)
    return read(kind, path, **options)  # type: ignore[arg-type]


def states(past: list[PastComment]) -> dict[str, int]:
    return dict(Counter(one.status.value for one in past))


def test_a_wordpress_export(tmp_path: Path) -> None:
    """Comments have their page; a reply and a pingback keep their type; a note of a plugin is left out."""
    past = read("wordpress", samples.sample("wordpress", tmp_path))
    assert states(past) == {"published": 3, "waiting": 1, "deleted": 2}
    assert past[0].comment == Comment(
        text=AWKWARD,
        author="Ida Moss",
        url=AWKWARD_URL,
        email="ida@moss.example",
        permalink=f"{SITE}/rye/",
        context="Rye & salt",
        type="comment",
        lang="en_US",
        date="2024-03-01 10:00:00",
    )
    assert (past[0].id, past[0].published_at) == ("2", TEN)
    assert [(one.comment.type, one.parent_id) for one in past] == [
        ("comment", ""),
        ("reply", "2"),
        ("comment", ""),
        ("comment", ""),
        ("pingback", ""),
        ("order_note", ""),
    ]


def test_pages_of_a_wordpress_export_are_kept_apart(tmp_path: Path) -> None:
    """A page without a title or comments leaves nothing to the next one."""
    first = samples.wxr_item([samples.wxr_comment(1, "One")], "First", "first")
    empty = samples.wxr_item([], "Empty", "empty")
    bare = f"<item>{samples.wxr_comment(2, 'Two')}</item>"
    past = read_bytes("wordpress", samples.wxr(first, empty, bare), tmp_path)
    assert [(one.comment.context, one.comment.permalink) for one in past] == [("First", f"{SITE}/first/"), ("", "")]


def test_a_wordpress_dump(tmp_path: Path) -> None:
    """Quotes, escapes, NULL and hexadecimal values are read, and tables beside the comments are not."""
    past = read_bytes("wordpress", samples.WORDPRESS_DUMP, tmp_path)
    assert states(past) == {"published": 3, "waiting": 1, "spam": 1, "deleted": 1}
    assert [one.comment.text for one in past[:2]] == [AWKWARD, "How long did it rest? (1,2), ');"]
    assert [one.comment.text for one in past[3:]] == ["Cheap pills, it's so", "Thrown away.", "[..]"]
    assert (past[0].comment.url, past[1].comment.url, past[1].published_at) == (AWKWARD_URL, "", None)


def test_a_dump_by_phpmyadmin_names_its_columns(tmp_path: Path) -> None:
    """It has no CREATE TABLE if only the data are exported."""
    statement = b"INSERT INTO `wp_comments` (`comment_ID`, `comment_content`, `comment_approved`) VALUES\n"
    past = read_bytes("wordpress", statement + b"(1, 'One\\r\\nline', '1'),\n(2, 'Two', 'spam');\n", tmp_path)
    assert [(one.id, one.comment.text, one.status) for one in past] == [
        ("1", "One\r\nline", "published"),
        ("2", "Two", "spam"),
    ]


def test_a_dump_has_one_blog(tmp_path: Path) -> None:
    """The comments of several blogs of a network are not mixed up."""
    dump = samples.WORDPRESS_DUMP + samples.WORDPRESS_DUMP.replace(b"`wp_comments`", b"`wp_2_comments`")
    with pytest.raises(InvalidInput, match=r"several blogs \(wp_comments, wp_2_comments\): dump one table"):
        read_bytes("wordpress", dump, tmp_path)


def test_a_wordpress_table_as_csv(tmp_path: Path) -> None:
    """NULL is no text, and a row with too few cells is unreadable."""
    out = io.StringIO()
    csv.writer(out).writerows(
        [
            ("comment_ID", "comment_author", "comment_author_url", "comment_content", "comment_approved"),
            (1, "Ida", "NULL", AWKWARD, 1),
            (2, "Pills", r"\N", "Cheap pills", "spam"),
            (3, "Paul"),
        ]
    )
    past = read_bytes("wordpress", out.getvalue().encode(), tmp_path)
    assert states(past) == {"published": 1, "spam": 1, "unreadable": 1}
    assert [one.comment.url for one in past[:2]] == ["", ""] and past[0].comment.text == AWKWARD


def test_a_disqus_export(tmp_path: Path) -> None:
    """Links that Disqus made are bare addresses again; comments of a deleted page are deleted."""
    past = read("disqus", samples.sample("disqus", tmp_path))
    assert states(past) == {"published": 2, "spam": 1, "deleted": 2}
    ida = past[0].comment
    assert ida.text.strip() == (
        '<p>See https://mill.example/a?b=1&amp;c=2 and <a href="https://m.example">this</a></p>'
    )
    assert (ida.author, ida.permalink, ida.context) == ("Ida Moss", f"{SITE}/rye/", "Rye & salt")
    assert (past[0].id, past[0].published_at, past[1].parent_id, past[1].comment.type) == ("31", TEN, "31", "reply")


def test_an_isso_database(tmp_path: Path) -> None:
    """The file is read while its program has it open, and stays as it was."""
    path = samples.isso(tmp_path / "comments.db")
    before = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO threads VALUES (2, '/open/', 'An open transaction')")
        past = read("isso", path)
    assert path.read_bytes() == before
    assert states(past) == {"published": 2, "waiting": 1, "deleted": 1}
    ida, paul = past[0].comment, past[1].comment
    assert (ida.text, ida.permalink, ida.context) == ("My starter sleeps in the fridge.", f"{SITE}/rye/", "Rye & salt")
    assert (ida.email, paul.url, paul.type, past[1].parent_id) == (
        "ida@moss.example",
        "https://paul.example",
        "reply",
        "1",
    )
    assert past[0].published_at == TEN


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_remark42_backup(compress: type[bytes], tmp_path: Path) -> None:
    """The Markdown as typed goes before the markup made of it."""
    past = read_bytes("remark42", compress(samples.remark42()), tmp_path)
    assert states(past) == {"published": 2, "deleted": 1}
    assert [one.comment.text.strip() for one in past[:2]] == ["<p>See https://mill.example</p>", "How *long*?"]
    assert (past[0].comment.author, past[0].comment.permalink) == ("Ida Moss", f"{SITE}/rye/")
    assert past[0].published_at == datetime(2024, 3, 1, 9, 0, 0, 500_000, UTC)
    assert (past[1].parent_id, past[1].comment.type, past[2].published_at) == ("c1", "reply", None)


def test_a_commento_export(tmp_path: Path) -> None:
    """Authors are found by their id, though they come after the comments."""
    past = read("commento", samples.sample("commento", tmp_path))
    assert states(past) == {"published": 2, "waiting": 1, "deleted": 1}
    ida, paul = past[0].comment, past[1].comment
    assert (ida.author, ida.url, ida.email) == ("Ida Moss", "https://moss.example", "ida@moss.example")
    assert (paul.url, paul.permalink, paul.type, past[1].parent_id) == ("", f"{SITE}/rye/", "reply", "c1")


def test_a_table_with_maps_of_columns_and_labels(tmp_path: Path) -> None:
    """A JSON array has paths into its objects; label words have their meaning; a row without a label is unreadable."""
    rows = [
        {"body": "How long?", "user": {"name": "Paul"}, "state": "live", "n": 1},
        {"body": "Cheap pills", "user": {"name": "Pills"}, "state": "junk", "n": 2, "re": 1},
        {"body": "Waits", "user": None, "state": "new"},
        {"body": 7, "state": "live"},
        {"body": "No state"},
        "no object",
    ]
    columns = {"text": "body", "author": "user.name", "label": "state", "id": "n", "parent": "re"}
    path = tmp_path / "comments.json"
    path.write_text(json.dumps(rows), "utf-8")
    past = read("csv", path, columns, "live=ham,junk=spam,new=skip")
    assert states(past) == {"published": 2, "spam": 1, "deleted": 1, "unreadable": 2}
    assert (past[0].comment.author, past[0].id, past[1].parent_id, past[1].comment.type) == ("Paul", "1", "1", "reply")


def test_a_table_without_labels_is_published(tmp_path: Path) -> None:
    """CSV, JSON Lines and Parquet are read alike; there a time may be one."""
    lines = b'{"text": "How long?", "author": "Paul"}\n{"text": "Two days", "date": "2024-03-01T10:00:00Z"}\n'
    typed = io.BytesIO()
    times = pa.array([None, TEN], pa.timestamp("ms", "Europe/Berlin"))
    parquet.write_table(pa.table({"text": ["How long?", "Two days"], "author": ["Paul", None], "date": times}), typed)
    table = b"text,author,date\nHow long?,Paul,\nTwo days,,2024-03-01 10:00:00\n"
    for content in (lines, table, typed.getvalue()):
        past = read_bytes("csv", content, tmp_path)
        assert states(past) == {"published": 2} and past[1].published_at == TEN


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "csv"])
def test_the_file_of_another_program_is_refused(kind: str, tmp_path: Path) -> None:
    """A format refuses the files of the others, with a sentence that names the file."""
    for other in FORMATS:
        if other != kind:
            path = samples.sample(other, tmp_path)
            with pytest.raises(InvalidInput, match=path.name):
                read(kind, path)


@pytest.mark.parametrize("kind", ["wordpress", "disqus", "remark42", "commento", "isso"])
def test_a_damaged_file_is_refused(kind: str, tmp_path: Path) -> None:
    """A file that was cut, plain or compressed, is refused with a sentence, as is an empty one."""
    path = samples.sample(kind, tmp_path)
    content = path.read_bytes()
    for cut in (content[: len(content) * 2 // 3], b"", b"\x00" * 100, b"\x1f\x8b\x08"):
        path.write_bytes(cut)
        if kind == "isso":
            path.with_name("comments.db-journal").unlink(missing_ok=True)
        with pytest.raises(InvalidInput, match=path.name):
            read(kind, path)


def test_a_broken_row_of_a_dump_ends_soon(tmp_path: Path) -> None:
    """A quote that never closes is not searched for again and again."""
    rows = b"".join(b"(%d,4,'a','b','c','d','e','1','comment',0),\n" % number for number in range(20_000))
    head = samples.WORDPRESS_DUMP.partition(b"VALUES\n")[0]
    with pytest.raises(InvalidInput, match="a row of an INSERT statement cannot be read"):
        read_bytes("wordpress", head + b"VALUES\n(1,4,'open,\n" + rows, tmp_path)
