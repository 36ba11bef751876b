"""Site weights: what a label changes at once, exact undo, and bounds of what labels may change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelValue, Reason, Score
from moderation.domain.thresholds import Thresholds, Verdict, decide
from moderation.features.label_features import LabelFeatures
from moderation.features.ngrams import N_COLUMNS, NAMESPACES, OFFSETS
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
from moderation.scoring.residual import CONSTANT, FIELDS, SIGNAL_UNIT, C, LessonRows, signal_units, solve
from moderation.scoring.site_weights import LEARNT_HERE, Lesson, SiteWeights
from tests.models import small_model

THRESHOLDS = Thresholds(review=0.6, spam=0.95, discard=0.999)
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ADVERT = "our workshop repairs every kind of garden furniture and delivers it to your door within a few days"
HAM = [
    "I tried the recipe with rye flour and it needed a little more water than you wrote",
    "Thank you, the second paragraph answers exactly the question that I had since last week",
    "Does this also work on the older version, or do I have to upgrade my database first?",
    "My grandmother baked it in a wood oven, and the crust was much darker than in your photo",
]


def lesson(number: int, text: str, value: str, channel: str = "queue", **fields: str) -> Lesson:
    label = Label(LabelValue(value), "ann", channel, NOW + timedelta(minutes=number))
    return Lesson(label, number, number, LabelFeatures.of(ParsedComment(Comment(text, **fields))))


def learn(*lessons: Lesson) -> SiteWeights:
    return SiteWeights.learn(small_model(), lessons)


def scored(weights: SiteWeights | None, text: str, **fields: str) -> Score:
    parsed = ParsedComment(Comment(text, **fields))
    return score(small_model(), parsed, site_weights=weights, thresholds_of=lambda _: THRESHOLDS)


def verdict(weights: SiteWeights | None, text: str, **fields: str) -> Verdict:
    return decide(scored(weights, text, **fields).probability, THRESHOLDS)


def learnt(result: Score) -> Reason:
    return next(reason for reason in result.reasons if reason.code == LEARNT_HERE)


def test_one_spam_label_blocks_near_duplicates() -> None:
    """Author, links, digits and small edits make no difference for a text of eight words or more."""
    weights = learn(lesson(1, ADVERT, "spam", author="Eve"))
    assert verdict(None, ADVERT, author="Eve") is Verdict.PUBLISH
    for text in (ADVERT, f"{ADVERT} 24/7 http://other.example", ADVERT.replace("garden", "office")):
        result = scored(weights, text, author="Bob")
        assert decide(result.probability, THRESHOLDS) is Verdict.SPAM
        assert learnt(result).detail == "like a comment labelled spam, by ann on 28 November 2026"
        assert result.bias + sum(reason.weight for reason in result.reasons) == pytest.approx(result.logit, abs=1e-9)
    assert verdict(weights, HAM[0], author="Bob") is Verdict.PUBLISH


def test_an_approved_comment_stays_published_but_is_no_pass_for_another_link() -> None:
    """The blog may send it again; a copy with another link, address or number is judged anew."""
    spam = "Cheap pills and casino bonus, buy now: <a href='http://deals.example'>cheap pills online casino</a>"
    assert verdict(None, spam, author="Ann") is not Verdict.PUBLISH
    weights = learn(lesson(1, spam, "ham", author="Ann"))
    assert verdict(weights, spam, author="Ann") is Verdict.PUBLISH
    assert verdict(weights, f"{spam} !", author="Ann") is Verdict.PUBLISH
    assert "labelled ham" in learnt(scored(weights, spam, author="Ann")).detail
    for copy in (spam.replace("deals", "poison"), f"{spam} or call +34 915 551 234"):
        assert verdict(weights, copy, author="Ann") is not Verdict.PUBLISH


def test_the_newest_word_wins() -> None:
    """It holds for near-duplicates, and what was said of the comment itself stays before them."""
    spam, ham = lesson(1, ADVERT, "spam"), lesson(2, ADVERT, "ham")
    assert verdict(learn(spam, ham), ADVERT) is Verdict.PUBLISH
    assert verdict(learn(lesson(1, ADVERT, "ham"), lesson(2, ADVERT, "spam")), ADVERT) is Verdict.SPAM
    own = lesson(1, ADVERT, "ham", author="Ann", url="https://workshop.example")
    other = lesson(2, ADVERT, "spam", author="Eve", url="https://thief.example")
    assert verdict(learn(own, other), ADVERT, author="Ann", url="https://workshop.example") is Verdict.PUBLISH
    assert verdict(learn(own, other), ADVERT, author="Eve", url="https://thief.example") is Verdict.SPAM


def test_a_short_text_needs_the_same_author_or_site() -> None:
    """Many people write it; without an author it is held."""
    weights = learn(lesson(1, "Nice post", "spam", author="Eve", url="https://casino-win.example"))
    assert verdict(weights, "nice post 2", author="Eve") is Verdict.SPAM
    assert verdict(weights, "Nice post", author="Bob", url="https://casino-win.example") is Verdict.SPAM
    assert "like a comment" not in str(scored(weights, "Nice post", author="Bob").reasons)
    assert verdict(learn(lesson(1, "Nice post", "spam")), "Nice post") is Verdict.REVIEW


def test_the_next_comment_of_an_advertiser_is_held() -> None:
    """Another text with the site or contact of a spam comment waits for a person, unless ham has it too."""
    spam = lesson(1, ADVERT, "spam", author="Eve", url="https://garden-notes.example")
    assert verdict(learn(spam), HAM[0], author="Bob", url="https://www.garden-notes.example/a") is Verdict.REVIEW
    ham = lesson(2, HAM[1], "ham", author="Cy", url="https://garden-notes.example")
    assert verdict(learn(spam, ham), HAM[0], author="Bob", url="https://garden-notes.example") is Verdict.PUBLISH


def test_no_label_changes_nothing() -> None:
    """A site without labels is scored as by the model alone."""
    for text in (ADVERT, *HAM):
        assert scored(learn(), text) == scored(None, text)


LESSONS = [
    lesson(number, text, value, channel)
    for number, (text, value, channel) in enumerate(
        [
            (f"{text} {extra}", value, channel)
            for text in (ADVERT, *HAM)
            for extra in ("", "and more", "today")
            for value, channel in (("spam", "queue"), ("ham", "queue"), ("spam", "api"))
        ]
    )
]


def bits(weights: SiteWeights) -> list[float]:
    texts = [ADVERT, f"{ADVERT} now", *HAM, "something else with https://casino-win.example"]
    return [scored(weights, text, author="Eve").logit for text in texts]


@settings(max_examples=15)
@given(
    st.lists(st.sampled_from(LESSONS), min_size=1, max_size=25, unique_by=lambda lesson: lesson.label_id),
    st.data(),
)
def test_to_forget_is_to_learn_without(lessons: list[Lesson], data: st.DataObject) -> None:
    """Weights after any labels and withdrawals equal those of the labels that remain, bit for bit, live and rebuilt."""
    weights = learn()
    learnt_so_far: list[Lesson] = []
    for taken in lessons:
        learnt_so_far = [*learnt_so_far, taken]
        weights = SiteWeights.learn(small_model(), learnt_so_far, weights)
        if data.draw(st.booleans()):
            learnt_so_far = learnt_so_far[data.draw(st.integers(0, 1)) :]
            weights = SiteWeights.learn(small_model(), learnt_so_far, weights)
    rebuilt = SiteWeights.learn(small_model(), data.draw(st.permutations(learnt_so_far)))
    assert np.array_equal(weights.window.kernel, rebuilt.window.kernel)
    assert bits(weights) == bits(rebuilt)


def written_out(features: LabelFeatures, used: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return a row as the residual reads it: the value of each column in use, each signal, and the constant."""
    hashed = np.zeros(len(used))
    for namespace, (begin, end) in zip(FIELDS, BOUNDS, strict=True):
        own = features.columns[(begin <= features.columns) & (features.columns < end)]
        value = NAMESPACES[namespace].norm / np.sqrt(max(1, len(own)))
        hashed += value * np.bincount(np.searchsorted(used, own), minlength=len(used))
    signals = signal_units(features.signals.astype(np.float64), means) * SIGNAL_UNIT
    return np.hstack([hashed, signals, CONSTANT])


BOUNDS = list(pairwise([*[OFFSETS[namespace] for namespace in FIELDS], N_COLUMNS]))


def test_inner_products_are_those_of_the_rows_written_out() -> None:
    """The index of columns finds each shared entry as often as both rows have it."""
    features, means = [lesson.features for lesson in LESSONS], small_model().means
    used = np.unique(np.concatenate([row.columns for row in features]))
    dense = np.array([written_out(row, used, means) for row in features])
    kernel = LessonRows.of(features, means).kernel()
    assert np.allclose(kernel, dense @ dense.T, rtol=1e-12)
    others = LessonRows.of(features[1:], means)
    first = LessonRows.of(features[:1], means)
    products = others.products(features[0].columns, first.scales[0], first.signals[0])
    assert np.array_equal(products, kernel[0, 1:])
    assert not len(LessonRows.of([], means).products(features[0].columns, first.scales[0], first.signals[0]))


def test_the_solution_is_found_where_the_model_is_sure_and_wrong() -> None:
    """Labels at random take the most steps. At the solution each coefficient is `C` times its error."""
    generator = np.random.default_rng(1)
    rows = np.hstack([np.ones((200, 1)), generator.standard_normal((200, 40)) / 4])
    spam, kernel = generator.random(200) < 0.5, rows @ rows.T
    for offsets in (np.zeros(200), generator.normal(0.0, 6.0, 200), np.where(spam, -30.0, 30.0)):
        coefficients = solve(kernel, spam, offsets)
        chance = 1.0 / (1.0 + np.exp(-offsets - kernel @ coefficients))
        assert coefficients == pytest.approx(C * (spam - chance), abs=1e-6 * C)


WORDS = "bread flour oven crust rye water salt yeast sour dough loaf rise bake knead warm cold night morning".split()


def ordinary(number: int) -> str:
    """Return an ordinary comment, different for each number."""
    first, second, third = (WORDS[(number * step + step) % len(WORDS)] for step in (1, 5, 7))
    return f"I tried it with {first} and more {second}, and after {number} minutes the {third} was as good as yours"


def advert(number: int) -> str:
    """Return an advertisement, different for each number."""
    goods = ("watches", "handbags", "loans", "pills", "shoes")[number % 5]
    return f"Buy cheap {goods} number {number} now at https://shop{number % 40}.example with free shipping"


def test_a_leaked_key_blocks_no_ordinary_ham() -> None:
    """A thousand spam labels of a site's key on ordinary comments can cause holding on their site, never blocking."""
    poison = [lesson(number, ordinary(number), "spam", "akismet", author=f"A{number}") for number in range(1_000)]
    honest = [lesson(1_000 + number, ordinary(2_000 + number), "ham", author=f"B{number}") for number in range(20)]
    weights = learn(*poison, *honest)
    for number in (3, 500, 3_000, 3_001, 3_002):
        assert verdict(weights, ordinary(number), author="Ann") in (Verdict.PUBLISH, Verdict.REVIEW)


def test_ten_false_reporters_among_a_hundred_do_not_move_ordinary_ham() -> None:
    """A tenth of the labels of a key is false: ordinary comments are still published, advertisements still stopped."""
    labels = []
    for reporter in range(110):
        is_honest = reporter >= 10
        ham, spam = ("ham", "spam") if is_honest else ("spam", "ham")
        labels.append(lesson(2 * reporter, ordinary(reporter), ham, "api", author=f"A{reporter}"))
        labels.append(lesson(2 * reporter + 1, advert(reporter), spam, "api", author=f"S{reporter}"))
    weights = learn(*labels)
    assert {verdict(weights, ordinary(5_000 + number), author="Ann") for number in range(10)} == {Verdict.PUBLISH}
    assert Verdict.PUBLISH not in {verdict(weights, advert(5_000 + number), author="Eve") for number in range(10)}


def test_the_change_is_bounded_by_the_labels_behind_it() -> None:
    """Without memory, one label of a kind moves a logit by two at most, and no number of labels by more than eight."""
    for count in (1, 4, 100):
        weights = learn(*[lesson(number, advert(number), "ham", author="Eve") for number in range(count)])
        shift = learnt(scored(weights, f"{advert(7)} and completely new words about other wares", author="Bob")).weight
        assert -min(8.0, 2.0 * count**0.5) <= shift < 0.0


def test_labels_of_a_key_do_not_lower_what_a_moderator_raised() -> None:
    """The spam of a moderator stays stopped, whatever a key says of comments like it."""
    spam = [lesson(number, advert(number), "spam", author="Eve") for number in range(20)]
    false = [lesson(100 + number, advert(100 + number), "ham", "api", author="Eve") for number in range(60)]
    text = advert(500)
    assert (
        scored(learn(*spam, *false), text).logit >= scored(learn(*spam), text).logit - 1e-6 > scored(None, text).logit
    )
