"""The page of an evaluation: any corpus gives one, and nothing in a comment breaks it."""

from collections.abc import Sequence
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.hidden import is_hidden
from moderation.domain.policy import Policy
from moderation.learning.corpus import Corpus, Origin, read_corpus
from moderation.learning.curves import curves_of_both, reliability, spread
from moderation.learning.report import _visible, render
from moderation.learning.slices import FEW, Share, by_language, by_length, by_source
from moderation.learning.verdicts import Judged, confusion, differing, likest_ham, likest_spam, shifts
from moderation.scoring.model import Model, probabilities
from tests.models import STARTER, ignore, small_arrays, small_model, small_trained

MILD = Model.from_arrays("mild", small_arrays(), Policy(0.9, 0.999, 1.0))

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)>',
    "</div></li></ol></main></body></html><h1>The end",
    "\u202eevil\u2066\u200b\x00\x1b[31m\ufeff\ud800\U000e0041",
    "{{ 7 * 7 }} {% raw %} \"quoted' &amp; &lt;script&gt; -->]]></style></svg></title>",
    "http://spam.example/<b>bold</b> javascript:alert(4) [url=http://x.example]x[/url]",
)


class Page(HTMLParser):
    """What a browser would make of it: the elements with their attributes, and the text outside style sheets."""

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


def corpus_of(comments: Sequence[Comment], spam: Sequence[bool], source: str = "mine") -> Corpus:
    """One source."""
    flags = np.array(spam, dtype=bool)
    ids = [f"c{number}" for number in range(len(comments))]
    origin = Origin(source, "d" * 64, int(flags.sum()), int((~flags).sum()))
    return Corpus(comments, ids, flags, np.zeros(len(comments), dtype=np.int64), [origin], np.full(len(comments), -1))


def judged(corpus: Corpus, model: Model) -> Judged:
    return Judged(model, np.array(list(probabilities(model, corpus.comments))))


def said(*chances: float, model: Model | None = None) -> Judged:
    """A model that said just this."""
    return Judged(model or small_model(), np.array(chances))


def page_of(corpus: Corpus, *models: Model) -> Page:
    return Page(render(corpus, [judged(corpus, model) for model in models or (small_model(),)]))


@pytest.fixture(scope="module")
def starter() -> Corpus:
    corpus = read_corpus([STARTER], ignore)
    return corpus.where(np.arange(len(corpus.comments)) % 5 == 0)


@pytest.fixture(scope="module")
def both(starter: Corpus) -> str:
    """The page of two models."""
    return render(starter, [judged(starter, model) for model in (small_model(), MILD)], "elsewhere")


def test_the_page_is_the_same_each_time(starter: Corpus, both: str) -> None:
    """No date, no random id: two renderings are equal to the byte; a champion that is not there changes nothing."""
    assert both == render(starter, [judged(starter, model) for model in (small_model(), MILD)])


def test_the_page_needs_nothing_from_outside(both: str) -> None:
    """No script, link, image or address to fetch from; a policy in the page itself forbids them all the same."""
    page = Page(both)
    assert not {tag for tag, _ in page.elements} & {"script", "a", "img", "link", "iframe", "object", "form", "base"}
    fetched = [value for _, found in page.elements for name, value in found.items() if name in {"src", "href"}]
    assert fetched == []
    assert all((found.get("xlink:href") or "#").startswith("#") for _, found in page.elements)
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]
    policies = [found["content"] for tag, found in page.elements if tag == "meta" and "http-equiv" in found]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


def test_no_id_stands_for_two_things(both: str) -> None:
    """The drawings share the page, and a mark of one may not become the mark of another."""
    page = Page(both)
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert ids and len(ids) == len(set(ids))


def test_everything_asked_for_is_there(starter: Corpus, both: str) -> None:
    """Curves, slices with counts, the worst mistakes, and with two models their confusion."""
    page = Page(both)
    for words in (
        "Catch rate against ham loss", "ROC", "Precision and recall", "Calibration", "Probabilities by small",
        "By source", "By language", "By length in characters", "Ham of the highest probabilities",
        "Spam of the lowest probabilities", "mild against small", "Comments on which they differ",
    ):  # fmt: skip
        assert words in page.text
    assert page.count("svg") == 6
    assert starter.origins[0].digest in page.text


def test_the_champion_may_stand_anywhere_among_the_models(starter: Corpus) -> None:
    """The others are compared with it."""
    few = starter.where(np.arange(len(starter.comments)) < 3)
    models = [judged(few, small_model()), judged(few, MILD)]
    assert "small against mild" in render(few, models, "mild")


@pytest.mark.parametrize("spam", [True, False])
def test_one_label_alone_gives_a_page_that_says_what_is_missing(starter: Corpus, spam: bool) -> None:
    """Curves need both; the rest is there."""
    page = page_of(starter.where(starter.spam == spam))
    assert f"There is no {'ham' if spam else 'spam'} in these files" in page.text
    assert page.count("svg") == 1
    assert ("Ham of the highest" in page.text) is not spam


@pytest.mark.parametrize("spam", [[True], [False, False, True]])
def test_a_handful_is_enough(spam: list[bool]) -> None:
    """One comment makes a page."""
    page = page_of(corpus_of([Comment(f"hello {number}") for number in range(len(spam))], spam), small_model(), MILD)
    assert f"{sum(spam)} spam and {len(spam) - sum(spam)} ham" in page.text


def test_hostile_comments_stay_text(both: str) -> None:
    """Markup is shown and not obeyed, in every field, in the names of files and in languages."""
    comments = [
        Comment(text, author=text, url=text, email=text, permalink=text, context=text, lang=text) for text in HOSTILE
    ]
    page = page_of(corpus_of(comments, [True, False, True, False, True], source=HOSTILE[0]), small_model(), MILD)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in Page(both).elements}
    assert page.count("h1") == page.count("main") == 1
    assert "<script>alert(1)</script>" in page.text and "{{ 7 * 7 }}" in page.text
    assert "[U+202E]evil[U+2066][U+200B][U+0000][U+001B][31m[U+FEFF][U+D800][U+E0041]" in page.text
    assert not [name for _, found in page.elements for name in found if name.startswith("on")]


def test_nothing_that_hides_reaches_the_page() -> None:
    """The whole page holds no bidirectional, invisible or control character but line breaks, and is valid UTF-8."""
    source = render(*_alone([Comment(text, author=text, lang=text) for text in HOSTILE]))
    source.encode("utf-8")
    assert {letter for letter in source if is_hidden(letter)} <= {"\n", "\t"}


@given(st.text(st.characters(codec=None)))
def test_any_text_is_shown_as_text(text: str) -> None:
    """Whatever it is made of, surrogates too, it adds nothing to the page but the marks of what hides in it."""
    source = str(_visible(text))
    source.encode("utf-8")
    assert {letter for letter in source if is_hidden(letter)} <= {"\n", "\t"}
    assert {tag for tag, _ in Page(source).elements} <= {"span"}


def test_a_text_of_a_megabyte_is_shown_shortened() -> None:
    """The page stays a page."""
    source = render(*_alone([Comment("<b>\u202e" * 250_000, author="x" * 100_000), Comment("short")]))
    assert len(source) < 200_000
    assert "998,500 characters more" in Page(source).text


def test_slices_count_what_the_verdicts_are() -> None:
    """Languages by the main part of the first tag, lengths by characters, empty slices left out."""
    comments = [
        Comment("x" * length, lang=lang) for length, lang in ((0, "en_US"), (50, "en, fr"), (51, None), (9000, ""))
    ]
    corpus = corpus_of(comments, [True, False, False, True])
    given = np.array([3, 2, 1, 0])
    (source,) = by_source(corpus, given)
    assert [source.caught, source.blocked, source.lost, source.held] == [
        Share(1, 2), Share(1, 2), Share(1, 2), Share(1, 2),
    ]  # fmt: skip
    assert [(part.name, part.spam, part.ham) for part in by_language(corpus, given)] == [
        ("en", 1, 1), ("not stated", 1, 1),
    ]  # fmt: skip
    assert [(part.name, part.spam + part.ham) for part in by_length(corpus, given)] == [
        ("0 to 50", 2), ("51 to 150", 1), ("more than 2,000", 1),
    ]  # fmt: skip


def test_rare_languages_are_told_as_one() -> None:
    """A field full of made-up languages does not make a table without end, and nothing is counted twice."""
    corpus = corpus_of([Comment("x", lang=f"l{number}") for number in range(60)], [True] * 60)
    parts = by_language(corpus, np.zeros(60, dtype=np.int64))
    assert len(parts) == 26 and parts[-1].name == "all others" and sum(part.spam for part in parts) == 60


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    """Of none in ten, 0 to 30.85 % (1 - .025^(1/10)); nothing for none at all or for many."""
    low, high = Share(0, 10).interval or (1.0, 0.0)
    assert low == 0.0 and high == pytest.approx(1 - 0.025**0.1)
    assert Share(0, 0).interval is None and Share(0, 0).value is None
    assert Share(5, FEW).interval is None


def test_confusion_and_shifts_count_every_comment_once() -> None:
    """Rows are the champion's verdicts; a step towards the truth is above zero for ham and spam alike."""
    lines = small_trained().lines
    low, high = lines.review / 2, lines.discard
    corpus = corpus_of([Comment(f"comment number {name}") for name in "one two three".split()], [True, False, True])
    champion, candidate = said(low, low, high), said(high, high, high)
    both = confusion(champion, candidate, np.ones(3, dtype=bool))
    assert both[0, 3] == 2 and both[3, 3] == 1 and both.sum() == 3
    assert shifts(champion, candidate, corpus.spam).tolist() == [3, -3, 0]
    assert sorted(differing(corpus, champion, candidate, 10)) == [0, 1]


def test_the_worst_come_first_and_each_template_once() -> None:
    """Ham by falling, spam by rising probability; a copy adds nothing."""
    texts = ["the cat sat on a mat", "the cat sat on a mat", "a dog ran in the park", "cheap pills for you here"]
    corpus = corpus_of([Comment(text) for text in texts], [False, False, False, True])
    found = said(0.5, 0.6, 0.9, 0.1)
    assert likest_spam(corpus, found, 10) == [2, 1]
    assert likest_ham(corpus, found, 10) == [3]
    assert likest_spam(corpus, found, 1) == [2]


def test_reliability_weighs_both_labels_alike() -> None:
    """Three ham and one spam that all got one half: half of the weight was spam."""
    means, true, counts = reliability(np.full(4, 0.5), np.array([True, False, False, False]))
    assert means == pytest.approx([0.5]) and true == pytest.approx([0.5]) and counts.tolist() == [4]


def test_curves_are_drawn_for_scores_that_are_all_alike() -> None:
    """A model that says the same of everything is drawn like any other, and so are the ends of the scale."""
    spam = np.array([True, False])
    for chances in ((0.5, 0.5), (0.0, 1.0)):
        assert len(curves_of_both([said(*chances)], spam)) == 4
        assert spread(said(*chances), spam).svg.startswith("<svg")


def _alone(comments: list[Comment]) -> tuple[Corpus, list[Judged]]:
    corpus = corpus_of(comments, [number % 2 == 0 for number in range(len(comments))])
    return corpus, [judged(corpus, small_model())]
