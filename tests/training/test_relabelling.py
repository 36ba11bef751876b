"""Corrected labels of training files, by source and id."""

import hashlib
from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInput
from moderation.training.corpus import Corpus, read_corpus
from moderation.training.relabelling import Relabelling

TABLE = "id,text,label,url\n1,offer,ham,\n2,notice,ham,https://a.example\n3,hello,spam,\n4,bye,spam,\n5,good day,ham,\n"
LETTERS = "a\t1\ts\na\t2\tn\na\t3\th\na\t9\tu\nb\t5\td\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def read(tmp_path: Path, name: str, letters: str) -> tuple[Corpus, list[str]]:
    """Return the corpus of one file of this name with corrected labels, and the sentences reported."""
    sentences: list[str] = []
    relabelling = Relabelling.from_file(write(tmp_path / "corrected.tsv", letters))
    return read_corpus([write(tmp_path / name, TABLE)], sentences.append, relabelling=relabelling), sentences


def test_corrections_change_or_leave_out_comments_of_their_source(tmp_path: Path) -> None:
    """Each is reported, and the source counts what remains; a field filled in left-out comments alone is unknown."""
    corpus, sentences = read(tmp_path, "a.csv", LETTERS)
    assert dict(zip(corpus.ids, corpus.spam.tolist(), strict=True)) == {"1": True, "3": False, "4": True, "5": False}
    assert (corpus.source_files[0].spam, corpus.source_files[0].ham) == (2, 2)
    assert {comment.url for comment in corpus.comments} == {None}
    assert sentences == ["a.csv: corrected labels: 1 spam, 1 ham, 1 left out; corrections without a row: 1."]


def test_the_same_id_of_another_source_keeps_its_label(tmp_path: Path) -> None:
    """A source without corrections is read in silence."""
    corpus, sentences = read(tmp_path, "c.csv", LETTERS)
    assert corpus.spam.tolist() == [False, False, True, True, False] and sentences == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a\t1\ts\na,2,n\n", "corrected.tsv, line 2: must be source, id and one of the letters s, h, n, u, d,"),
        ("a\t1\tspam\n", "corrected.tsv, line 1: must be source, id and one of the letters"),
        ("a\t\ts\n", "corrected.tsv, line 1: must be source, id and one of the letters"),
        ("a\t1\ts\nb\t1\ts\na\t1\th\n", "corrected.tsv, line 3: names a comment that an earlier line names."),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """No correction is dropped in silence."""
    with pytest.raises(InvalidInput) as caught:
        Relabelling.from_file(write(tmp_path / "corrected.tsv", text))
    assert str(caught.value).startswith(sentence)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A missing file, and one that is not UTF-8."""
    (tmp_path / "latin.tsv").write_bytes(b"a\t\xe9\ts\n")
    for name in ("missing.tsv", "latin.tsv"):
        with pytest.raises(InvalidInput, match=f"{name} cannot be read"):
            Relabelling.from_file(tmp_path / name)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    """A card names the corrections that its model was trained with."""
    relabelling = Relabelling.from_file(write(tmp_path / "corrected.tsv", LETTERS))
    assert relabelling.digest == hashlib.sha256(LETTERS.encode()).hexdigest()
