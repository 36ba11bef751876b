"""Composed comments: the files of `data/composed`, and the comments made from them."""

import csv
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from random import Random

import numpy as np
import pytest

from moderation.domain.comment import Comment
from moderation.domain.decision import LabelValue
from moderation.domain.errors import InvalidCorpus
from moderation.training.composed_files import PLACEHOLDERS, ComposedFiles
from moderation.training.composition import compose, fill
from moderation.training.corpus import Corpus
from tests.models import STARTER

COMPOSED = STARTER.parent / "composed"
NAMES = ("cities", "forms", "people", "topics", "trades")
MOST_WORDS = 120


def rows_of(name: str) -> list[dict[str, str]]:
    with (COMPOSED / f"{name}.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def repeated(name: str, *columns: str) -> list[tuple[str, ...]]:
    """Return the values of these columns that several rows share."""
    counts = Counter(tuple(row[column] for column in columns) for row in rows_of(name))
    return [values for values, count in counts.items() if count > 1]


@pytest.fixture(scope="module")
def files() -> ComposedFiles:
    return ComposedFiles.read(COMPOSED)


@pytest.fixture(scope="module")
def composed() -> Corpus:
    return compose(COMPOSED, seed=1, count=10_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the files."""
    return Path(shutil.copytree(COMPOSED, tmp_path / "composed"))


def change_line(path: Path, number: int, change: Callable[[str], str]) -> None:
    lines = path.read_text("utf-8").split("\n")
    lines[number - 1] = change(lines[number - 1])
    path.write_text("\n".join(lines), "utf-8")


def test_there_are_many_trades_in_many_languages(files: ComposedFiles) -> None:
    """Each trade is in at least four languages, English among them, and is reputable in all or in none."""
    languages: dict[str, set[str]] = defaultdict(set)
    reputable: dict[str, set[bool]] = defaultdict(set)
    for trade in files.trades:
        languages[trade.trade].add(trade.language)
        reputable[trade.trade].add(trade.reputable)
    assert len(languages) >= 150
    assert len({trade.language for trade in files.trades}) >= 12
    assert [name for name, of_it in languages.items() if len(of_it) < 4 or "en" not in of_it] == []
    assert [name for name, of_it in reputable.items() if len(of_it) > 1] == []


def test_each_language_has_people_cities_and_topics(files: ComposedFiles) -> None:
    """A language with templates has at least fifteen names and twenty-five topics."""
    languages = {form.language for form in files.forms}
    people = Counter(person.language for person in files.people)
    topics = Counter(topic.language for topic in files.topics)
    cities = Counter(city.language for city in files.cities)
    assert languages == people.keys() == topics.keys() == cities.keys() == {trade.language for trade in files.trades}
    assert {language for language in languages if people[language] < 15 or topics[language] < 25} == set()


def test_each_language_has_all_forms(files: ComposedFiles) -> None:
    """Ten forms of spam and ten of ham at least, the same in all languages, each with three templates in English."""
    forms: dict[str, Counter[tuple[LabelValue, str]]] = defaultdict(Counter)
    for template in files.forms:
        forms[template.language][template.label, template.form] += 1
    assert Counter(label for label, _ in forms["en"])[LabelValue.SPAM] >= 10
    assert Counter(label for label, _ in forms["en"])[LabelValue.HAM] >= 10
    assert [language for language in forms if forms[language].keys() != forms["en"].keys()] == []
    assert [form for form, count in forms["en"].items() if count < 3] == []


def test_the_readme_has_the_counts(files: ComposedFiles) -> None:
    """data/README.md says how many trades, languages and forms there are."""
    trades = len({trade.trade for trade in files.trades})
    languages = len({form.language for form in files.forms})
    forms = len({(form.label, form.form) for form in files.forms})
    readme = (STARTER.parent / "README.md").read_text("utf-8")
    assert f"{trades} trades, {languages} languages and {forms} forms" in readme


@pytest.mark.parametrize("name", NAMES)
def test_no_line_occurs_twice(name: str) -> None:
    """A second copy would only change how often its template is drawn."""
    lines = (COMPOSED / f"{name}.tsv").read_text("utf-8").splitlines()
    assert [line for line, count in Counter(lines).items() if count > 1] == []


def test_names_and_hosts_are_unique() -> None:
    """A language has a trade, its name, its host, a city, a topic and a template's text once."""
    assert [repeated("trades", "language", column) for column in ("trade", "phrase", "host")] == [[], [], []]
    assert [repeated("cities", "language", column) for column in ("native", "ascii")] == [[], []]
    assert [repeated("topics", "language", column) for column in ("topic", "statement", "question")] == [[], [], []]
    assert repeated("people", "language", "given", "family") == []
    assert repeated("forms", "language", "label", "text") == []


def test_the_files_name_no_address() -> None:
    """Domains are invented while composing; a written one could belong to a person or a business."""
    address = re.compile(r"https?://|www\.|\b[\w-]+\.(?:com|net|org|info|example)\b", re.IGNORECASE)
    found = [
        (name, number)
        for name in NAMES
        for number, line in enumerate((COMPOSED / f"{name}.tsv").read_text("utf-8").splitlines(), 1)
        if address.search(line)
    ]
    assert found == []


def test_every_template_composes(files: ComposedFiles) -> None:
    """With a value for each placeholder, no bracket and no brace is left, and no text is empty or too long."""
    values = dict.fromkeys(PLACEHOLDERS, "value")
    wrong = []
    for template in files.forms:
        for seed in range(5):
            cells = [fill(cell, values, Random(seed)) for cell in (template.author, template.url, template.text)]
            if re.search(r"[][{}]", "".join(cells)) or not 1 <= len(cells[2].split()) <= MOST_WORDS:
                wrong.append((template, cells))
    assert wrong == []


def test_every_placeholder_has_a_template(files: ComposedFiles) -> None:
    """A placeholder without one would be dead."""
    cells = "".join(template.author + template.url + template.text for template in files.forms)
    assert {name for name in PLACEHOLDERS if f"{{{name}}}" not in cells} == set()


def test_the_corpus_is_one_source_with_known_languages(composed: Corpus) -> None:
    """Half of it is spam; its source file has the counts and a digest; no comment has a site or the weight of many."""
    assert composed.source_names() == ["composed"] * 10_000
    (source,) = composed.source_files
    assert (source.spam, source.ham) == (5_000, 5_000) == (composed.spam.sum(), (~composed.spam).sum())
    assert re.fullmatch("[0-9a-f]{64}", source.digest)
    assert len(set(composed.ids)) == 10_000 and set(composed.sites.tolist()) == {-1} and composed.weights is None
    assert {comment.lang for comment in composed.comments} == {row["language"] for row in rows_of("forms")}


def test_a_corpus_may_have_an_odd_number_of_comments() -> None:
    """The counts of labels differ by one, and no comment at all is a corpus too."""
    assert [int(compose(COMPOSED, 1, count).spam.sum()) for count in (0, 1, 7)] == [0, 1, 4]


def test_texts_differ(composed: Corpus) -> None:
    """At most 2 % of the texts repeat another one."""
    assert len({comment.text for comment in composed.comments}) >= 9_800


def test_languages_are_weighted(composed: Corpus) -> None:
    """English is most frequent, then Russian, Spanish, German and French."""
    counts = Counter(comment.lang for comment in composed.comments)
    most = [language for language, _ in counts.most_common(5)]
    assert most[0] == "en" and set(most[1:]) == {"ru", "es", "de", "fr"}
    assert min(counts.values()) >= 100


def test_both_labels_have_all_kinds_of_fields(composed: Corpus) -> None:
    """An author or an address that is unknown, empty or given is no sign of a label."""
    for spam in (True, False):
        comments = composed.where(composed.spam == spam).comments
        for name in ("author", "url"):
            values = [getattr(comment, name) for comment in comments]
            assert min(values.count(None), values.count(""), sum(map(bool, values))) >= 100


def named_trades(comments: Sequence[Comment]) -> set[str]:
    """Return the trades whose host is `trade-` and their id with hyphens."""
    fields = " ".join(f"{comment.author} {comment.url} {comment.text}" for comment in comments).lower()
    return {name.replace("-", "_").removesuffix("_") for name in re.findall(r"trade-([a-z-]+)-of", fields)}


def test_every_trade_is_met(folder: Path) -> None:
    """Spam names each trade. Ham names the reputable ones alone, unless it complains of spam."""
    rows = rows_of("trades")
    for row in rows:
        row["phrase"] = row["offer"] = row["host"] = f"trade-{row['trade'].replace('_', '-')}-of"
    lines = ["\t".join(row.values()) for row in (dict(zip(rows[0], rows[0], strict=True)), *rows)]
    (folder / "trades.tsv").write_text("\n".join(lines), "utf-8")
    forms = (folder / "forms.tsv").read_text("utf-8").splitlines()
    (folder / "forms.tsv").write_text("\n".join(line for line in forms if "about_spam" not in line), "utf-8")
    corpus = compose(folder, seed=3, count=4_000)
    assert named_trades(corpus.where(corpus.spam).comments) == {row["trade"] for row in rows}
    reputable = {row["trade"] for row in rows if row["reputable"] == "yes"}
    assert named_trades(corpus.where(~corpus.spam).comments) == reputable


def test_the_same_seed_gives_the_same_comments() -> None:
    """Another seed gives other ones, but for a few short texts."""
    first, same, other = (compose(COMPOSED, seed, 300) for seed in (5, 5, 6))
    assert list(map(astuple, first.comments)) == list(map(astuple, same.comments))
    assert np.array_equal(first.spam, same.spam) and first.source_files == same.source_files
    assert len({comment.text for comment in first.comments} & {comment.text for comment in other.comments}) < 15


@pytest.mark.parametrize(
    ("name", "number", "old", "new", "sentence"),
    [
        ("forms", 1, "url", "link", "forms.tsv, line 1: lacks the column url. Name it in the header."),
        ("trades", 1, "language\ttrade", "lang\tjob", "trades.tsv, line 1: lacks the column language and trade."),
        (
            "forms",
            3,
            "\ttrade_praise\t",
            "\t",
            "forms.tsv, line 3: has 6 cells, the header 7. Separate cells by one tab",
        ),
        (
            "forms",
            2,
            "trade_praise\t",
            "trade_praise\tfalconer",
            "forms.tsv, line 2: trades.tsv lacks the trade falconer in en.",
        ),
        (
            "forms",
            2,
            "{phrase}",
            "{firm}",
            "forms.tsv, line 2: author has the unknown placeholder {firm}. Use one of: blog",
        ),
        ("forms", 2, "{phrase}", "{phrase", "forms.tsv, line 2: author has a brace without its counterpart."),
        ("forms", 2, "[Great", "Great", "forms.tsv, line 2: text has a bracket without its counterpart."),
        ("forms", 2, "[Great", "[[Great", "forms.tsv, line 2: text has a bracket without its counterpart."),
        ("forms", 2, "en\tspam", "en\tjunk", "forms.tsv, line 2: label must be spam or ham."),
        (
            "forms",
            2,
            "en\tspam",
            "eo\tspam",
            "forms.tsv, line 2: trades.tsv has 0 rows in the language eo, and needs 1.",
        ),
        (
            "trades",
            2,
            "{city}",
            "{town}",
            "trades.tsv, line 2: phrase has the unknown placeholder {town}. Use one of: city.",
        ),
        ("trades", 2, "\tyes\t", "\tperhaps\t", "trades.tsv, line 2: reputable must be yes or no."),
        (
            "trades",
            2,
            "locksmith-{city}",
            "Locksmith.{city}",
            "trades.tsv, line 2: host must be of small ASCII letters",
        ),
        ("trades", 2, "locksmith\t", "\t", "trades.tsv, line 2: trade must not be empty."),
        ("topics", 2, "\t", "\tx\t", "topics.tsv, line 2: has 5 cells, the header 4. Separate cells by one tab each."),
    ],
)
def test_a_wrong_line_is_named(folder: Path, name: str, number: int, old: str, new: str, sentence: str) -> None:
    """The error has the file, the line and the remedy."""
    change_line(folder / f"{name}.tsv", number, lambda line: line.replace(old, new, 1))
    with pytest.raises(InvalidCorpus) as caught:
        compose(folder, 1, 10)
    assert sentence in str(caught.value)


def test_missing_rows_are_named(folder: Path) -> None:
    """A file that is absent, a label without templates and a language without reputable trades say so."""
    forms, trades = folder / "forms.tsv", folder / "trades.tsv"
    trades.write_text(trades.read_text("utf-8").replace("\tyes\t", "\tno\t"), "utf-8")
    with pytest.raises(InvalidCorpus, match=r"trades\.tsv has no reputable trade in the language \w\w\. Add some\."):
        compose(folder, 1, 1_000)
    spam = [line for line in forms.read_text("utf-8").splitlines() if "\tham\t" not in line]
    forms.write_text("\n".join(spam), "utf-8")
    with pytest.raises(InvalidCorpus, match=r"forms\.tsv has no template with the label ham\. Add some\."):
        compose(folder, 1, 10)
    forms.unlink()
    with pytest.raises(InvalidCorpus, match=r"forms\.tsv cannot be read"):
        compose(folder, 1, 10)
