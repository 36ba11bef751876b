"""The report of an evaluation: any corpus has one, and no comment can break it."""

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.invisible import is_invisible
from moderation.domain.thresholds import Thresholds
from moderation.scoring.batches import probabilities
from moderation.scoring.model import Model
from moderation.training.corpus import Corpus
from moderation.training.evaluation import ScoredCorpus
from moderation.training.plots import calibration_curve, comparison_plots, probability_histogram
from moderation.training.report import _visible, render
from tests.models import small_arrays, small_model
from tests.training.corpora import corpus_of

MILD = Model.from_arrays("mild", small_arrays(), Thresholds(0.9, 0.999, 1.0))

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)>',
    "</div></li></ol></main></body></html><h1>The end",
    "\u202eevil\u2066\u200b\x00\x1b[31m\ufeff\ud800\U000e0041",
    "{{ 7 * 7 }} {% raw %} \"quoted' &amp; &lt;script&gt; -->]]></style></svg></title>",
    "http://spam.example/<b>bold</b> javascript:alert(4) [url=http://x.example]x[/url]",
)


class ParsedPage(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def scored(corpus: Corpus, model: Model) -> ScoredCorpus:
    return ScoredCorpus(model, np.array(list(probabilities(model, corpus.comments))))


def predicted(*probabilities: float) -> ScoredCorpus:
    """Return the small model with these predictions."""
    return ScoredCorpus(small_model(), np.array(probabilities))


def render_page(corpus: Corpus, *models: Model) -> ParsedPage:
    return ParsedPage(render(corpus, [scored(corpus, model) for model in models or (small_model(),)]))


@pytest.fixture(scope="module")
def sample(starter: Corpus) -> Corpus:
    """Return every fifth comment of the starter corpus."""
    return starter.where(np.arange(len(starter.comments)) % 5 == 0)


@pytest.fixture(scope="module")
def source(sample: Corpus) -> str:
    """Return the HTML of a report on two models."""
    return render(sample, [scored(sample, model) for model in (small_model(), MILD)], "elsewhere")


def test_the_page_is_reproducible(sample: Corpus, source: str) -> None:
    """Two renderings are equal to the byte: there is no date and no random id. An unknown champion changes nothing."""
    assert source == render(sample, [scored(sample, model) for model in (small_model(), MILD)])


def test_the_page_needs_no_other_file(source: str) -> None:
    """There is no script, link, image or address to fetch, and the page's policy forbids them."""
    page = ParsedPage(source)
    assert not {tag for tag, _ in page.elements} & {"script", "a", "img", "link", "iframe", "object", "form", "base"}
    fetched = [value for _, attrs in page.elements for name, value in attrs.items() if name in {"src", "href"}]
    assert fetched == []
    assert all((attrs.get("xlink:href") or "#").startswith("#") for _, attrs in page.elements)
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    policies = [attrs["content"] for tag, attrs in page.elements if tag == "meta" and "http-equiv" in attrs]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


def test_ids_are_unique(source: str) -> None:
    """The plots share the page, so a marker of one must not replace the marker of another."""
    page = ParsedPage(source)
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert ids and len(ids) == len(set(ids))


def test_the_page_has_all_sections(sample: Corpus, source: str) -> None:
    """It has curves, slices with counts and the worst errors, and a comparison of two models."""
    page = ParsedPage(source)
    for words in (
        "Catch rate against ham loss", "ROC", "Precision and recall", "Calibration", "Probabilities by small",
        "By source", "By language", "By length in characters", "Ham with the highest probabilities",
        "Spam with the lowest probabilities", "mild against small", "Comments with different verdicts",
    ):  # fmt: skip
        assert words in page.text
    assert page.count("svg") == 6
    assert sample.source_files[0].digest in page.text


def test_the_champion_can_be_any_of_the_models(sample: Corpus) -> None:
    """The other models are compared with it."""
    few = sample.where(np.arange(len(sample.comments)) < 3)
    models = [scored(few, small_model()), scored(few, MILD)]
    assert "small against mild" in render(few, models, "mild")


@pytest.mark.parametrize("spam", [True, False])
def test_a_corpus_of_one_label_has_no_curves(sample: Corpus, spam: bool) -> None:
    """The page names the missing label; the other sections are there."""
    page = render_page(sample.where(sample.spam == spam))
    assert f"There is no {'ham' if spam else 'spam'} in these files" in page.text
    assert page.count("svg") == 1
    assert ("Ham with the highest" in page.text) is not spam


@pytest.mark.parametrize("spam", [[True], [False, False, True]])
def test_a_few_comments_are_enough(spam: list[bool]) -> None:
    """A single comment gives a page."""
    comments = [Comment(f"hello {number}") for number in range(len(spam))]
    page = render_page(corpus_of(comments, spam), small_model(), MILD)
    assert f"{sum(spam)} spam and {len(spam) - sum(spam)} ham" in page.text


def test_hostile_comments_stay_text(source: str) -> None:
    """Markup is escaped in every field, in names of files and in languages."""
    comments = [
        Comment(text, author=text, url=text, email=text, permalink=text, context=text, lang=text) for text in HOSTILE
    ]
    page = render_page(corpus_of(comments, [True, False, True, False, True], source=HOSTILE[0]), small_model(), MILD)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in ParsedPage(source).elements}
    assert page.count("h1") == page.count("main") == 1
    assert "<script>alert(1)</script>" in page.text and "{{ 7 * 7 }}" in page.text
    assert "[U+202E]evil[U+2066 U+200B U+0000 … ×4][31m[U+FEFF U+D800 U+E0041]" in page.text
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]


def test_the_page_has_no_invisible_character() -> None:
    """Line breaks and tabs are its only bidirectional, invisible or control characters, and it is valid UTF-8."""
    source = render(*_scored_by_small_model([Comment(text, author=text, lang=text) for text in HOSTILE]))
    source.encode("utf-8")
    assert {letter for letter in source if is_invisible(letter)} <= {"\n", "\t"}


@given(st.text(st.characters(codec=None)))
def test_any_text_is_escaped(text: str) -> None:
    """The only elements of an escaped text, even one with surrogates, are the marks of its invisible characters."""
    source = str(_visible(text))
    source.encode("utf-8")
    assert {letter for letter in source if is_invisible(letter)} <= {"\n", "\t"}
    assert {tag for tag, _ in ParsedPage(source).elements} <= {"span"}


def test_a_text_of_a_megabyte_is_shortened() -> None:
    """The page stays small."""
    source = render(*_scored_by_small_model([Comment("<b>\u202e" * 250_000, author="x" * 100_000), Comment("short")]))
    assert len(source) < 200_000
    assert "998,500 characters more" in ParsedPage(source).text


def test_the_calibration_curve_weights_both_labels_alike() -> None:
    """Of three ham comments and one spam comment at one half, half of the weight is spam."""
    predicted_rate, observed_rate, counts = calibration_curve(np.full(4, 0.5), np.array([True, False, False, False]))
    assert predicted_rate == pytest.approx([0.5]) and observed_rate == pytest.approx([0.5]) and counts.tolist() == [4]


@pytest.mark.parametrize("probabilities", [(0.5, 0.5), (0.0, 1.0)])
def test_constant_and_extreme_probabilities_are_drawn(probabilities: tuple[float, float]) -> None:
    """Neither a constant model nor one of zeros and ones fails to draw."""
    spam, scored_corpus = np.array([True, False]), predicted(*probabilities)
    assert len(comparison_plots([scored_corpus], spam)) == 4
    assert probability_histogram(scored_corpus, spam).svg.startswith("<svg")


def _scored_by_small_model(comments: list[Comment]) -> tuple[Corpus, list[ScoredCorpus]]:
    corpus = corpus_of(comments, [number % 2 == 0 for number in range(len(comments))])
    return corpus, [scored(corpus, small_model())]
