"""Letters to the owner of a site are pitches or inquiries; a comment is neither."""

from time import process_time

import pytest

from moderation.domain.comment import NO_SIGNALS, Comment
from moderation.domain.comment_types import MESSAGE_TYPES
from moderation.features.lexicon import word_list
from moderation.features.ngrams import tokenize
from moderation.features.normalize import normalized
from moderation.features.parsed_comment import ParsedComment
from moderation.features.pitch import letter_strengths
from moderation.features.signals.submission import rule_contributions

LISTS = ("pitch_offers", "pitch_gestures", "inquiry_phrases", "second_person_words")


def strengths(text: str) -> tuple[float, float]:
    """Return the strengths of pitch and inquiry."""
    pitch, inquiry = letter_strengths(ParsedComment(Comment(text)))
    return round(pitch, 2), round(inquiry, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thank you for the music on Sunday.", (0.0, 0.0)),
        ("We offer SEO.", (0.67, 0.0)),
        ("We offer SEO from $99 for your shop.", (1.0, 0.0)),
        ("wE OFFER  seo: from $99 for your shop.", (1.0, 0.0)),
        ("Do you do SEO? It may cost $99.", (0.33, 0.5)),
        ("We need SEO. Could you send us an offer for $99?", (0.0, 1.0)),
        ("我们提供谷歌优化,请加微信 abc", (1.0, 0.0)),
        ("The seoul trip was lovely", (0.0, 0.0)),
    ],
)
def test_offers_gestures_and_questions(text: str, expected: tuple[float, float]) -> None:
    """Phrases count as whole words in any spacing; an inquirer's words weaken a pitch."""
    assert strengths(text) == expected


def test_only_letters_are_read_so() -> None:
    """The readers of a page may speak of any offer; the owner of a form is offered it."""
    text = "We offer SEO from $99 for your shop. Do you do this?"
    by_type = {kind: rule_contributions(ParsedComment(Comment(text, type=kind)), NO_SIGNALS) for kind in MESSAGE_TYPES}
    assert all(given == {"SALES_PITCH": 3.0, "INQUIRY": -1.0} for given in by_type.values())
    for kind in (None, "comment", "review", "signup", "order", "trackback"):
        assert rule_contributions(ParsedComment(Comment(text, type=kind)), NO_SIGNALS) == {}


@pytest.mark.parametrize("name", LISTS)
def test_the_lists_have_no_empty_or_repeated_entry(name: str) -> None:
    """An entry without a word would be in every text."""
    entries = [" ".join(tokenize(normalized(entry.removesuffix("*")))) for entry in word_list(name)]
    assert all(entries) and len(entries) > 50
    assert len(set(word_list(name))) == len(word_list(name))


def test_a_long_letter_takes_no_longer_than_a_bounded_one() -> None:
    """Only the beginning of a letter is read for phrases."""
    parsed = ParsedComment(Comment("lovely bread " * 20_000, type="contact-form"))
    start = process_time()
    letter_strengths(parsed)
    assert process_time() - start < 0.2
