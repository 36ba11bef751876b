"""Site weights: what a label changes at once, exact undo, and bounds of what labels may change."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.comment import Comment
from moderation.domain.decision import Label, LabelValue, Reason, Score
from moderation.domain.thresholds import Thresholds, Verdict, decide
from moderation.features.label_features import LabelFeatures
from moderation.features.parsed_comment import ParsedComment
from moderation.scoring.model import score
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
    return score(small_model(), parsed, site_weights=weights, thresholds=THRESHOLDS)


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
