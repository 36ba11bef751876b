"""Labelled comments from files."""

import gzip
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidCorpus
from moderation.training.corpus import Corpus, LabelWords, parse_label_words, read_corpus

HEADER = "id,text,label,author,url\n"


def read(path: Path, words: LabelWords | None = None) -> tuple[Corpus, list[str]]:
    """Return the corpus of one file, and the sentences reported."""
    sentences: list[str] = []
    corpus = read_corpus([path], sentences.append, words) if words else read_corpus([path], sentences.append)
    return corpus, sentences


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_every_format_gives_the_same_comments(tmp_path: Path) -> None:
    """CSV and JSON Lines, plain or gzip'd, with a byte order mark or without, and Parquet."""
    table = '\ufefftext,label,author\n"two\nlines",spam,Ann\nhello,ham,Bob\n'
    lines = "".join(
        json.dumps({"text": text, "label": label, "author": author}) + "\n"
        for text, label, author in (("two\nlines", "spam", "Ann"), ("hello", "ham", "Bob"))
    )
    columns = {"text": ["two\nlines", "hello"], "label": ["spam", "ham"], "author": ["Ann", "Bob"]}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    corpus, sentences = read(tmp_path / "a.parquet")
    assert list(corpus.comments) == [Comment("two\nlines", "Ann"), Comment("hello", "Bob")]
    assert corpus.spam.tolist() == [True, False] and sentences == []
    for name, text in (("a.csv", table), ("a.jsonl", lines)):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        for path in (write(tmp_path / name, text), tmp_path / f"{name}.gz"):
            corpus, sentences = read(path)
            assert list(corpus.comments) == [Comment("two\nlines", "Ann"), Comment("hello", "Bob")]
            assert corpus.spam.tolist() == [True, False] and sentences == []


def test_unknown_columns_are_named_and_ignored(tmp_path: Path) -> None:
    """One sentence for the file."""
    _, sentences = read(write(tmp_path / "a.csv", "text,label,mood,split\nhello,ham,good,train\nx,spam,bad,test\n"))
    assert sentences == ["a.csv: ignored the columns mood, split."]


def test_a_column_without_any_value_was_not_collected(tmp_path: Path) -> None:
    """An empty cell means that an author left the field empty only if another comment fills it."""
    corpus, _ = read(write(tmp_path / "a.csv", HEADER + "1,hello,ham,Ann,\n2,bye,spam,,\n"))
    assert list(corpus.comments) == [Comment("hello", author="Ann"), Comment("bye", author="")]


def test_each_site_collects_its_own_fields(tmp_path: Path) -> None:
    """In a file of several sites, a field that one site never fills is unknown there."""
    table = "text,label,site,email\na,ham,https://a.example,\nb,ham,https://b.example,\nc,ham,https://b.example,c@c.example\n"
    corpus, _ = read(write(tmp_path / "a.csv", table))
    assert [comment.email for comment in corpus.comments] == [None, "", "c@c.example"]


def test_each_comment_has_its_site(tmp_path: Path) -> None:
    """Addresses are normalised; a comment may have no site, and so may a file."""
    table = "text,label,site\na,ham,https://Blog.example/\nb,ham,\nc,spam,https://blog.example:443\nd,ham,http://b.example\n"
    corpus = read_corpus([write(tmp_path / "a.csv", table), write(tmp_path / "b.csv", "text,label\ne,ham\n")], print)
    assert corpus.sites.tolist() == [0, -1, 0, 1, -1]
    assert [corpus.site_url(index) for index in (0, 1, 3)] == ["https://blog.example", "", "http://b.example"]


@pytest.mark.parametrize("site", ['"blog"', "7", "0", '["https://blog.example"]', '"https://blog.example/?p=1"'])
def test_a_malformed_site_is_a_bad_row(tmp_path: Path, site: str) -> None:
    """It is reported with its line and skipped."""
    good = '{"text": "a", "label": "ham"}\n' * 30
    bad = f'{{"text": "a", "label": "ham", "site": {site}}}\n'
    corpus, sentences = read(write(tmp_path / "a.jsonl", good + bad))
    assert len(corpus.comments) == 30
    assert sentences == ["a.jsonl: skipped 1 of 31 rows. line 31: site is no address such as https://blog.example."]


@pytest.mark.parametrize(("value", "expected"), [("0", "0"), ("false", "False"), ('""', "a-1"), ("null", "a-1")])
def test_an_empty_id_is_the_name_of_the_file_and_the_line(tmp_path: Path, value: str, expected: str) -> None:
    """Zero is an id."""
    corpus, _ = read(write(tmp_path / "a.jsonl", f'{{"id": {value}, "text": "a", "label": "ham"}}\n'))
    assert corpus.ids == [expected]


def test_control_characters_of_a_column_are_shown(tmp_path: Path) -> None:
    """A terminal must not obey them."""
    _, sentences = read(write(tmp_path / "a.csv", "text,label,\x1b[31mred\nhello,ham,1\n"))
    assert sentences == ["a.csv: ignored the columns [U+001B][31mred."]


def test_a_bad_row_is_reported_with_its_line_and_skipped(tmp_path: Path) -> None:
    """One bad row in fifty costs that row only."""
    good = "".join(f"{i},text {i},ham,,\n" for i in range(50))
    corpus, sentences = read(write(tmp_path / "a.csv", HEADER + good + "x,odd,ham,,,,\n" + "y,more,ham,,\n"))
    assert len(corpus.comments) == 51
    assert sentences == ["a.csv: skipped 1 of 52 rows. line 52: has more cells than the header."]


def test_lines_inside_an_unclosed_quote_count_as_bad_rows(tmp_path: Path) -> None:
    """Few are skipped; more than 5 % of the rows refuse the file."""
    good = "".join(f"{i},text {i},ham,,\n" for i in range(70))
    corpus, sentences = read(write(tmp_path / "a.csv", HEADER + good + '"x,odd,ham,,\ny,more,ham,,\n'))
    assert len(corpus.comments) == 70
    assert sentences == [
        "a.csv: skipped 2 of 72 rows. line 72: a quote opens and does not close; lines 72 to 73 are lost."
    ]
    with pytest.raises(InvalidCorpus, match=r"41 of 71 rows are bad.* line 32: a quote opens"):
        read(write(tmp_path / "a.csv", HEADER + good.replace("\n30,", '\n"30,') + "y,more,ham,,\n"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("text,mood\nhello,good\n", "lacks the column label"),
        ("text,label\nhello,yes\nbye,no\n", "2 of 2 rows are bad"),
        ("text,label\nhello,ham,extra\n", "1 of 1 rows are bad"),
        ('{"text": 5, "label": "ham"}\n', "text is not text"),
        ('{"text": "a", "label": null}\n', "label is missing"),
        ("{broken\n", "1 of 1 rows are bad"),
    ],
)
def test_a_file_with_too_many_bad_rows_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """The error names the rows, or the missing column."""
    with pytest.raises(InvalidCorpus, match=sentence):
        read(write(tmp_path / "a.csv", text))


def test_label_words_have_a_meaning_only_by_the_map(tmp_path: Path) -> None:
    """Rows to skip are neither good nor bad; spam and ham need no entry."""
    path = write(tmp_path / "a.csv", "text,label\na,approved\nb,Trash\nc,ham\nd,unapproved\n")
    with pytest.raises(InvalidCorpus, match=r"label is not one of ham, spam.* --labels approved=ham,trash=spam"):
        read(path)
    corpus, sentences = read(path, parse_label_words("approved=ham, trash=spam,unapproved=skip"))
    assert corpus.spam.tolist() == [False, True, False]
    assert sentences == ["a.csv: rows left out by their label word: 1."]
    with pytest.raises(InvalidCorpus, match="holds no labelled comment"):
        read(write(tmp_path / "b.csv", "text,label\na,unapproved\n"), parse_label_words("unapproved=skip"))


def test_a_map_of_label_words_is_strict() -> None:
    """Words are compared without regard to case; any other meaning is an error."""
    assert parse_label_words("1=SPAM") == {"spam": LabelValue.SPAM, "ham": LabelValue.HAM, "1": LabelValue.SPAM}
    for text in ("", "approved", "approved=good", "=ham", "a=b=ham"):
        with pytest.raises(ValueError, match="WORD=spam, WORD=ham or WORD=skip"):
            parse_label_words(text)


def test_a_source_has_the_digest_of_its_file(tmp_path: Path) -> None:
    """The card can name the exact file that a model was trained on."""
    path = write(tmp_path / "blog.csv.old", "text,label\nhello,ham\nx,spam\n")
    (source_file,) = read(path)[0].source_files
    assert (source_file.source, source_file.spam, source_file.ham) == ("blog", 1, 1)
    assert source_file.digest == hashlib.sha256(path.read_bytes()).hexdigest()
