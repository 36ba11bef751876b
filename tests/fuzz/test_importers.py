"""Every file is read, or refused with an `InvalidCorpus` that says what to do."""

import gzip
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import COMMENT_FIELDS, Comment
from moderation.domain.errors import InvalidCorpus
from moderation.domain.invisible import show_invisible
from moderation.training.corpus import comment_of, read_corpus, row_id, survey_comments
from moderation.training.table_files import TableFile
from tests.fuzz.time_limit import without_hang
from tests.models import ignore
from tests.strategies import hostile_texts

_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be", "cp1252")
_COLUMNS = ("text", "label", "id", "site", *COMMENT_FIELDS[1:], "", " text ", "TEXT", "[", "{", "<x>", "--")
_CELLS = (
    *("spam", "ham", "HAM ", "skip", "", " ", '"', '""', '"a\nb"', '"a', 'a"', '"a"b', "\r", "\n", "\0", "\ufeff"),
    *("https://a.example", "http://", "=1+1", "\\", ",,,", ";", "\t", "{}", "null", "\u2028", "x" * 999),
)

_cells = st.sampled_from(_CELLS) | hostile_texts
_rows = st.lists(_cells, max_size=6)
_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | _cells, lambda inner: st.lists(inner, max_size=2)
)
_csv_texts = st.builds(
    lambda header, rows, delimiter, end, repeat: end.join(map(delimiter.join, [header, *rows * repeat])),
    st.lists(st.sampled_from(_COLUMNS), max_size=6),
    st.lists(_rows, max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([1, 1, 1, 30, 500]),
)
_jsonl_texts = st.lists(
    st.dictionaries(st.sampled_from(_COLUMNS) | hostile_texts, _values, max_size=5).map(json.dumps)
    | st.sampled_from(["", "{", "[" * 2_000, '{"a":' * 2_000, "1" * 5_000, '{"text": 1' + "0" * 5_000 + "}"]),
    max_size=6,
).map("\n".join)
_texts_in_bytes = st.builds(
    lambda text, encoding: text.encode(encoding, "replace"), _csv_texts | _jsonl_texts, st.sampled_from(_ENCODINGS)
)
_archives = st.builds(
    lambda raw, cut, level: gzip.compress(raw, level, mtime=0)[: cut or None],
    _texts_in_bytes | st.binary(),
    st.none() | st.integers(1, 40),
    st.sampled_from([0, 9]),
)
_torn = st.builds(lambda raw, at, other: raw[:at] + other + raw[at:], _texts_in_bytes, st.integers(0, 200), st.binary())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a file that each example overwrites."""
    return tmp_path_factory.mktemp("import") / "comments.csv"


def _assert_read_or_refused(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    for read in (_read_labelled, _read_unlabelled):
        message = without_hang(partial(read, path))
        assert message == show_invisible(message) and (not message or path.name in message)


def _read_labelled(path: Path) -> str:
    """Return the message of the refusal, empty if the file is a corpus."""
    try:
        corpus = read_corpus([path], ignore)
    except InvalidCorpus as error:
        return str(error)
    assert len(corpus.comments) == len(corpus.ids) == len(corpus.spam) > 0
    return ""


def _read_unlabelled(path: Path) -> str:
    """Return the message of the refusal, empty if the file holds comments."""
    try:
        assert all(_unlabelled_comments(path))
    except InvalidCorpus as error:
        return str(error)
    return ""


def _unlabelled_comments(path: Path) -> Iterator[tuple[str, Comment] | str]:
    """Yield the id and the comment of each row, or why it holds none."""
    with TableFile.open(path, ("text",)) as table:
        survey = survey_comments(table, ignore)
        for row in table.rows():
            try:
                yield row_id(table, row), comment_of(row, survey)
            except ValueError as error:
                yield str(error)


@given(_texts_in_bytes)
def test_any_table_is_read_or_refused(path: Path, raw: bytes) -> None:
    """CSV and JSON Lines with odd cells, quotes and columns, in several encodings."""
    _assert_read_or_refused(path, raw)


@given(st.binary() | _archives | _torn)
def test_any_bytes_are_read_or_refused(path: Path, raw: bytes) -> None:
    """Random bytes, archives that break off, and tables with random bytes in their middle."""
    _assert_read_or_refused(path, raw)
