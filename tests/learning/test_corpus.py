"""Reading labelled comments."""

import gzip
import json
from pathlib import Path

import pytest

from moderation.domain.comment import Comment
from moderation.domain.errors import CorpusRefused
from moderation.learning.corpus import read_corpus, read_rows

HEADER = "id,text,label,author,url\n"


def _read(path: Path) -> tuple[list[Comment], list[bool], list[str]]:
    said: list[str] = []
    corpus = read_corpus([path], said.append)
    return list(corpus.comments), corpus.spam.tolist(), said


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_csv_and_json_lines_plain_and_zipped_say_the_same(tmp_path: Path) -> None:
    """The form of a file does not matter, nor does a byte order mark."""
    table = '\ufefftext,label,author\n"two\nlines",spam,Ann\nhello,ham,Bob\n'
    lines = "".join(
        json.dumps({"text": text, "label": label, "author": author}) + "\n"
        for text, label, author in (("two\nlines", "spam", "Ann"), ("hello", "ham", "Bob"))
    )
    found = []
    for name, text in (("a.csv", table), ("a.jsonl", lines)):
        found.append(_read(_write(tmp_path / name, text)))
        zipped = tmp_path / f"{name}.gz"
        zipped.write_bytes(gzip.compress(text.encode()))
        found.append(_read(zipped))
    assert all(one == found[0] for one in found)
    assert found[0] == ([Comment("two\nlines", "Ann"), Comment("hello", "Bob")], [True, False], [])


def test_unknown_columns_are_named_and_ignored(tmp_path: Path) -> None:
    """A column we do not know is said aloud once, and does no harm."""
    _, _, said = _read(_write(tmp_path / "a.csv", "text,label,mood,split\nhello,ham,good,train\nx,spam,bad,test\n"))
    assert said == ["a.csv: ignored the columns mood, split."]


def test_a_column_without_any_value_was_not_collected(tmp_path: Path) -> None:
    """Only where a source has a field at all does an empty cell mean that an author left it empty."""
    comments, _, _ = _read(_write(tmp_path / "a.csv", HEADER + "1,hello,ham,Ann,\n2,bye,spam,,\n"))
    assert comments == [Comment("hello", author="Ann"), Comment("bye", author="")]


def test_what_one_site_did_not_collect_is_unknown_there(tmp_path: Path) -> None:
    """In a file of several, each site has the fields that some comment of its own has."""
    table = "text,label,site,email\na,ham,https://a.example,\nb,ham,https://b.example,\nc,ham,https://b.example,c@c.example\n"
    comments, _, _ = _read(_write(tmp_path / "a.csv", table))
    assert [comment.email for comment in comments] == [None, "", "c@c.example"]


def test_each_comment_keeps_its_site(tmp_path: Path) -> None:
    """However the address is written; what is of no site, or of a file that does not say, has none."""
    table = "text,label,site\na,ham,https://Blog.example/\nb,ham,\nc,spam,https://blog.example:443\nd,ham,http://b.example\n"
    corpus = read_corpus([_write(tmp_path / "a.csv", table), _write(tmp_path / "b.csv", "text,label\ne,ham\n")], print)
    assert corpus.sites.tolist() == [0, -1, 0, 1, -1]
    assert [corpus.site_url(place) for place in (0, 1, 3)] == ["https://blog.example", "", "http://b.example"]


@pytest.mark.parametrize("site", ['"blog"', "7", '["https://blog.example"]', '"https://blog.example/?p=1"'])
def test_a_site_that_is_no_address_is_a_bad_row(tmp_path: Path, site: str) -> None:
    """It is told with its line."""
    good = '{"text": "a", "label": "ham"}\n' * 30
    bad = f'{{"text": "a", "label": "ham", "site": {site}}}\n'
    comments, _, said = _read(_write(tmp_path / "a.jsonl", good + bad))
    assert len(comments) == 30
    assert said == ["a.jsonl: skipped 1 bad rows. line 31: site is no address such as https://blog.example."]


def test_a_bad_row_is_reported_with_its_line_and_skipped(tmp_path: Path) -> None:
    """One bad row in fifty costs that row only."""
    good = "".join(f"{i},text {i},ham,,\n" for i in range(50))
    comments, _, said = _read(_write(tmp_path / "a.csv", HEADER + good + "x,odd,maybe,,\n" + "y,more,ham,,\n"))
    assert len(comments) == 51
    assert said == ["a.csv: skipped 1 bad rows. line 52: label is neither spam nor ham."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no labelled comment"),
        (HEADER, "holds no labelled comment"),
        ("text,mood\nhello,good\n", "lacks the column label"),
        ("text,label\nhello,yes\nbye,no\n", "2 of 2 rows are bad"),
        ("text,label\nhello,ham,extra\n", "1 of 1 rows are bad"),
        ('{"text": 5, "label": "ham"}\n', "text is not text"),
        ("{broken\n", "1 of 1 rows are bad"),
    ],
)
def test_a_file_that_cannot_be_learnt_from_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """The refusal says what is wrong and where."""
    with pytest.raises(CorpusRefused, match=sentence):
        _read(_write(tmp_path / "a.csv", text))


@pytest.mark.parametrize(
    "raw",
    [b"\x1f\x8bbroken", b"text,label\n\xff\xfe,ham\n", gzip.compress(b"text,label\nhello,ham\n", mtime=0)[:-4]],
)
def test_a_broken_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    """Bytes that are no text, or half a file, are an error in a sentence."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(raw)
    with pytest.raises(CorpusRefused, match=r"a\.csv\.gz cannot be read"):
        _read(path)


def test_rows_come_one_at_a_time(tmp_path: Path) -> None:
    """Reading does not wait for the end of a file, so a file of any length costs no more memory than a row."""
    path = _write(tmp_path / "a.csv", "text\nfirst\nsecond\n")
    rows = read_rows(path, print)
    assert next(rows) == (2, {"text": "first"})


def test_a_corpus_knows_its_digest(tmp_path: Path) -> None:
    """The card can say exactly which file a model saw."""
    corpus = read_corpus([_write(tmp_path / "blog.csv.old", "text,label\nhello,ham\nx,spam\n")], print)
    (origin,) = corpus.origins
    assert (origin.source, origin.spam, origin.ham) == ("blog", 1, 1)
    assert len(origin.digest) == 64
