"""Files as people really have them, through every command that reads files of comments."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.csv
import pytest
from pyarrow import parquet

from tests.cli.conftest import Operator
from tests.models import STARTER

BLOG = "https://blog.example"
ROWS = [("thanks for the recipe", "ham"), ("cheap casino bonus", "spam")] * 30

Command = Callable[[str | Path], tuple[str | Path, ...]]

COMMANDS: dict[str, Command] = {
    "score": lambda file: ("score", file),
    "train": lambda file: ("train", file, "--id", "mine"),
    "evaluate": lambda file: ("evaluate", file),
    "promote": lambda file: ("promote", "other", "--against", file),
    "labels import": lambda file: ("labels", "import", file, "--site", BLOG),
}


@pytest.fixture
def everyone(operator: Operator, own_registry: Path) -> Operator:
    """An operator with a database and a registry of two models."""
    for name in ("model.joblib", "card.json"):
        (own_registry / "other").mkdir(exist_ok=True)
        raw = (own_registry / "small" / name).read_bytes()
        (own_registry / "other" / name).write_bytes(raw.replace(b'"id": "small"', b'"id": "other"'))
    return Operator(operator.environment | {"MODERATION_MODELS": str(own_registry)})


def csv_of(rows: list[tuple[str, str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([("text", "label"), *rows])
    return out.getvalue()


def parquet_of(table: bytes) -> bytes:
    """Return the file that Arrow makes of a CSV file; an id or a label may become a number."""
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    out = io.BytesIO()
    parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(table), parse_options=options), out)
    return out.getvalue()


every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@every_command
def test_an_unclosed_quote_is_refused_with_its_line(everyone: Operator, tmp_path: Path, command: Command) -> None:
    """The rows inside it count as bad, and are more than the limit."""
    text = csv_of(ROWS).replace("\ncheap", '\n"cheap', 1)
    (tmp_path / "a.csv").write_text(text)
    result = everyone.run(*command(tmp_path / "a.csv"))
    assert result.exit_code == 2 and result.stdout == ""
    assert "59 of 60 rows are bad" in result.stderr
    assert "line 3: a quote opens and does not close; lines 3 to 61 are lost" in result.stderr


LOST = "cheap pills,spam\n" * 500
UNCLOSED = {
    "closed by a quoted comment of several lines": ('ham,"b\n', 'ham,"\nquoted"\n', ("label", "text")),
    "closed by a comment that begins with the delimiter": ('"b,ham\n', 'z,", x",ham\n', ("text", "label")),
    "closed by a quote at the start of a line": ('"b,ham\n', '",ham\n', ("text", "label")),
}


@every_command
@pytest.mark.parametrize("case", UNCLOSED.values(), ids=UNCLOSED)
def test_a_quote_that_opens_and_never_closes_must_not_swallow_rows_silently(
    everyone: Operator, tmp_path: Path, command: Command, case: tuple[str, str, tuple[str, str]]
) -> None:
    """The file is valid CSV, but a later quote closes the cell: the rows between count as bad."""
    opening, closing, header = case
    order = 1 if header[0] == "text" else -1
    lost = "".join(",".join(line.split(",")[::order]) + "\n" for line in LOST.splitlines())
    good = "".join(",".join(row[::order]) + "\n" for row in ROWS)
    text = ",".join(header) + "\n" + good[: len(good) // 2] + opening + lost + closing + good[len(good) // 2 :]
    (tmp_path / "a.csv").write_text(text)
    result = everyone.run(*command(tmp_path / "a.csv"))
    assert result.exit_code == 2 and result.stdout == ""
    assert "line 32: a quote opens and does not close; lines 32 to 533 are lost" in result.stderr


def test_a_long_cell_in_a_file_of_one_column_is_reported(newcomer: Operator, tmp_path: Path) -> None:
    """Its lines may be a long comment or swallowed rows."""
    (tmp_path / "a.csv").write_text('text\nhello\n"b\n' + "cheap pills\n" * 500 + '"\n')
    result = newcomer.run("score", tmp_path / "a.csv")
    assert result.exit_code == 0 and "the row on line 3 may have swallowed 500 lines" in result.stderr


@every_command
def test_a_file_without_a_row_in_the_format_is_an_error(everyone: Operator, tmp_path: Path, command: Command) -> None:
    """It is not an empty success: exit code 2, nothing on stdout, and the remedy."""
    expected = {
        b"": "it is empty",
        b"text,label\n": "only a header",
        b'[{"text": "a", "label": "ham"}]': "jq -c '.[]'",
        b"<rss></rss>": "XML",
        b"INSERT INTO comments VALUES (1);": "SQL",
        "text;label\ngr\u00fcn;ham\n".encode("cp1252"): "line 2 has a byte",
    }
    for raw, words in expected.items():
        (tmp_path / "a.csv").write_bytes(raw)
        result = everyone.run(*command(tmp_path / "a.csv"))
        assert (result.exit_code, result.stdout) == (2, "") and words in result.stderr


@every_command
@pytest.mark.parametrize("source", ["-", "/dev/stdin", "pipe"])
def test_a_fifo_and_stdin_are_read(everyone: Operator, tmp_path: Path, command: Command, source: str) -> None:
    """Every command that takes a file takes `mkfifo`, `/dev/stdin` and `-`, from a pipe, plain, gzip'd or Parquet."""
    is_training = command is COMMANDS["train"]
    raw = STARTER.read_bytes() if is_training else csv_of(ROWS).encode()
    if source == "pipe":
        raw = parquet_of(raw)
    options = ("--recipe", quick_recipe(tmp_path), "--labels", "1=spam") if is_training else ()
    if source == "-":
        result = everyone.run(*command("-"), *options, stdin=gzip.compress(raw))
    elif source == "/dev/stdin":
        with piped_stdin(raw):
            result = everyone.run(*command(source), *options)
    else:
        with written_fifo(tmp_path / source, raw):
            result = everyone.run(*command(tmp_path / source), *options)
    assert result.exit_code in {0, 3}, result.stderr
    assert result.exit_code == 0 or "was not promoted" in result.stderr
    if is_training:
        assert "Label words were read as follows: " in everyone.get("models", "show", "mine")


def quick_recipe(folder: Path) -> Path:
    path = folder / "recipe.toml"
    path.write_text("folds = 2\nmax_iter = 50\n")
    return path


@contextmanager
def written_fifo(path: Path, raw: bytes) -> Iterator[None]:
    """Write the bytes to a new FIFO while it is read."""
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[raw], daemon=True)
    writer.start()
    yield
    writer.join(timeout=10)


@contextmanager
def piped_stdin(raw: bytes) -> Iterator[None]:
    """Make a pipe with these bytes the stdin of this process, as `/dev/stdin` opens it."""
    read_end, write_end = os.pipe()
    stdin = os.dup(0)
    os.dup2(read_end, 0)
    os.close(read_end)

    def write() -> None:
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(raw)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        yield
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        writer.join()


def test_a_fifo_and_a_pipe_give_the_table_of_the_file(newcomer: Operator, tmp_path: Path) -> None:
    """`mkfifo` and, from a pipe in a process of its own, `-`."""
    (tmp_path / "a.csv").write_text(csv_of(ROWS).replace("text,label", "text,id"))
    raw = (tmp_path / "a.csv").read_bytes()
    expected = newcomer.get("score", tmp_path / "a.csv")
    with written_fifo(tmp_path / "pipe", raw):
        assert newcomer.get("score", tmp_path / "pipe") == expected
    piped = subprocess.run(
        [sys.executable, "-m", "moderation", "score", "-"],
        env={**os.environ, **newcomer.environment},
        input=gzip.compress(raw),
        stdout=subprocess.PIPE,
        check=True,
    )
    assert piped.stdout.decode() == expected


@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_semicolons_tabs_and_utf_16_are_recognised(
    newcomer: Operator, tmp_path: Path, delimiter: str, encoding: str
) -> None:
    """As spreadsheets write them."""
    (tmp_path / "a.csv").write_text("text,id\n\u201cgr\u00fcn\u201d casino,1\n", "utf-8")
    (tmp_path / "b.csv").write_text(f"text{delimiter}id\n\u201cgr\u00fcn\u201d casino{delimiter}1\n", encoding)
    assert newcomer.get("score", tmp_path / "b.csv") == newcomer.get("score", tmp_path / "a.csv")


def test_the_first_json_line_does_not_decide_for_the_file(newcomer: Operator, tmp_path: Path) -> None:
    """A line without text is reported, and lines may have different fields."""
    lines = [{"id": "a"}, {"id": "b", "text": "hello"}, {"id": "c", "text": "hello", "author": "Ann"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = newcomer.run("score", tmp_path / "a.jsonl")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [(row["id"], bool(row["verdict"])) for row in rows] == [("a", False), ("b", True), ("c", True)]
    assert rows[0]["reasons"] == "text is missing" and result.exit_code == 0
    assert "1 of 3 rows could not be judged" in result.stderr


def test_a_json_line_without_text_is_reported_when_training(everyone: Operator, tmp_path: Path) -> None:
    """One bad line of many is skipped, with its number."""
    lines = [{"label": "ham"}, *({"text": text, "label": label} for text, label in ROWS)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = everyone.run("evaluate", tmp_path / "a.jsonl")
    assert result.exit_code == 0 and "skipped 1 of 61 rows. line 1: text is missing." in result.stderr


@pytest.mark.parametrize("through_a_pipe", [False, True])
def test_a_column_empty_in_the_whole_file_is_not_collected(
    newcomer: Operator, tmp_path: Path, through_a_pipe: bool
) -> None:
    """The comments are judged as without the column; one filled cell below makes the empty one evidence."""

    def probability(text: str) -> str:
        (tmp_path / "a.csv").write_text(text)
        shown = newcomer.get("score", "-", stdin=text) if through_a_pipe else newcomer.get("score", tmp_path / "a.csv")
        return next(csv.DictReader(shown.splitlines()))["probability"]

    bare = probability("text,id\ncasino bonus,1\nhello,2\n")
    assert probability("text,id,author,url\ncasino bonus,1,,\nhello,2,,\n") == bare
    assert probability("text,id,author,url\ncasino bonus,1,,\nhello,2,Ann,https://b.example\n") != bare


def test_a_column_is_collected_or_not_by_each_site(newcomer: Operator, tmp_path: Path) -> None:
    """As in training: the address field of one site says nothing about another."""
    table = "text,id,url,site\ncasino bonus,1,,https://a.example\nhello,2,https://b.example,{}\n"
    shown = {}
    for site in ("https://b.example", "https://A.example/", "nonsense"):
        (tmp_path / "a.csv").write_text(table.format(site))
        shown[site] = newcomer.get("score", tmp_path / "a.csv").splitlines()[1]
    assert shown["https://b.example"] == shown["nonsense"] != shown["https://A.example/"]


@pytest.mark.parametrize(
    "words",
    [
        "spam=spam,trash=spam,approved=ham,1=spam,0=ham,unapproved=skip",
        "trash=spam, Approved=HAM,1=spam,0=ham,unapproved=skip",
    ],
)
def test_label_words_are_mapped_explicitly(everyone: Operator, tmp_path: Path, words: str) -> None:
    """WordPress says approved, spam, trash and unapproved; data sets say 1 and 0."""
    labels = ["Approved", "trash", "spam", "ham", "1", "0", "unapproved"]
    lines = [
        {"text": f"comment number {n}", "label": int(label) if label.isdigit() else label}
        for n, label in enumerate(labels)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    result = everyone.run("labels", "import", tmp_path / "a.jsonl", "--site", BLOG, "--labels", words)
    assert result.exit_code == 0, result.stderr
    assert "rows left out by their label word: 1" in result.stderr
    rows = list(csv.DictReader(everyone.get("labels", "export").splitlines()))
    assert [row["label"] for row in rows] == ["ham", "spam", "spam", "ham", "spam", "ham"]


@every_command
def test_an_unknown_label_word_shows_the_option(everyone: Operator, tmp_path: Path, command: Command) -> None:
    """Nothing is guessed; `score` needs no labels."""
    (tmp_path / "a.csv").write_text("text,label\nhello,approved\nbye,trash\n")
    result = everyone.run(*command(tmp_path / "a.csv"))
    if command is COMMANDS["score"]:
        assert result.exit_code == 0
    else:
        assert result.exit_code == 2 and "--labels approved=ham,trash=spam" in result.stderr


@pytest.mark.parametrize("words", ["approved", "approved=good", "=ham", "a=ham,,b=spam"])
def test_a_malformed_map_of_label_words_is_refused(everyone: Operator, words: str) -> None:
    """The message names the pair and the three meanings."""
    result = everyone.run("evaluate", STARTER, "--labels", words)
    assert result.exit_code == 2 and "WORD=spam, WORD=ham or WORD=skip" in result.stderr


def test_training_and_measuring_take_label_words(everyone: Operator, tmp_path: Path) -> None:
    """The same comments with other words give the same figures."""
    (tmp_path / "a.csv").write_text(csv_of(ROWS))
    (tmp_path / "b.csv").write_text(csv_of([(text, {"ham": "0", "spam": "1"}[label]) for text, label in ROWS]))
    figures = [
        json.loads(everyone.get("evaluate", tmp_path / name, "--labels", "1=spam,0=ham", "--json"))[0]["metrics"]
        for name in ("a.csv", "b.csv")
    ]
    assert figures[0] == figures[1]


def test_importing_a_file_twice_stores_nothing_twice(everyone: Operator, tmp_path: Path) -> None:
    """The second import says that all comments are known."""
    (tmp_path / "a.csv").write_text("text,label\nhello,ham\nbuy,spam\nhello,ham\n")
    first, second = (everyone.get("labels", "import", tmp_path / "a.csv", "--site", BLOG) for _ in range(2))
    assert first == "2 labelled comments stored, 0 changed, 1 known already.\n"
    assert second == "0 labelled comments stored, 0 changed, 3 known already.\n"
    assert len(everyone.get("labels", "export").splitlines()) == 3


def test_train_checks_that_it_can_write_before_it_fits(everyone: Operator, tmp_path: Path) -> None:
    """A registry in the place of a file cannot be written: the corpus is not even read."""
    (tmp_path / "file").write_text("")
    stuck = Operator(everyone.environment | {"MODERATION_MODELS": str(tmp_path / "file" / "models")})
    result = stuck.run("train", STARTER)
    assert result.exit_code == 2 and "MODERATION_MODELS" in result.stderr
    assert "comments" not in result.stderr
