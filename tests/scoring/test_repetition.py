"""Evidence from repetition: who counts, what outweighs it, and what a reason states."""

from itertools import pairwise

import pytest

from moderation.features.traits import AUTHOR_SITE, CONTACT, LINKED_SITE, TEXT, TRAIT_KINDS
from moderation.scoring.repetition import (
    CODES,
    MAX_APPEARANCES,
    MAX_WEIGHT,
    MINUTES_PER_WEEK,
    SPAM_LABEL_CODE,
    Appearance,
    TraitHistory,
    weigh,
)

NOW = 10 * MINUTES_PER_WEEK
CURRENT = Appearance(NOW, site=1, page=100, author=1)


def others(count: int, minutes_ago: int = 5, **changes: int) -> tuple[Appearance, ...]:
    """Return appearances of different authors on different pages."""
    return tuple(Appearance(NOW - minutes_ago, 1, page=n, author=n)._replace(**changes) for n in range(2, 2 + count))


def weight(kind: str, appearances: tuple[Appearance, ...], current: Appearance = CURRENT) -> float:
    return sum(reason.weight for reason in weigh([TraitHistory(kind, appearances)], current))


@pytest.mark.parametrize("kind", TRAIT_KINDS)
def test_more_authors_weigh_more(kind: str) -> None:
    """The weight never falls, and begins at nothing."""
    weights = [weight(kind, others(count)) for count in range(MAX_APPEARANCES)]
    assert weights[0] == 0 < weights[1]
    assert all(next_weight > weight - 1e-9 for weight, next_weight in pairwise(weights))


@pytest.mark.parametrize("kind", TRAIT_KINDS)
@pytest.mark.parametrize(
    "appearances",
    [
        pytest.param(others(9, author=1), id="the same person"),
        pytest.param(others(9, author=0), id="unknown authors"),
        pytest.param(others(9, minutes_ago=MINUTES_PER_WEEK + 1), id="more than a week ago"),
        pytest.param(others(9, minutes_ago=-MINUTES_PER_WEEK - 1), id="by a clock that was set back far"),
    ],
)
def test_other_repetition_is_no_evidence(kind: str, appearances: tuple[Appearance, ...]) -> None:
    """One person may comment often, and what the site did not say is never evidence."""
    assert weight(kind, appearances) == 0
    assert weight(kind, others(9), CURRENT._replace(author=0)) == 0


@pytest.mark.parametrize("kind", [TEXT, LINKED_SITE])
def test_one_page_is_no_campaign(kind: str) -> None:
    """People of one thread thank alike and link the same pages, also where the page is unknown."""
    assert weight(kind, others(9, page=CURRENT.page)) == 0
    assert weight(kind, others(9, page=0)) == 0
    assert weight(kind, others(9), CURRENT._replace(page=0)) == 0
    assert weight(kind, others(9, page=CURRENT.page, site=2)) > 0


@pytest.mark.parametrize("kind", [AUTHOR_SITE, CONTACT])
def test_a_site_or_contact_under_other_names_counts_on_one_page_too(kind: str) -> None:
    """Nobody has two names in one thread."""
    assert weight(kind, others(1, page=CURRENT.page)) > 0


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    """Appearances of the last days may then lie ahead."""
    assert weight(TEXT, others(3, minutes_ago=-60)) == weight(TEXT, others(3, minutes_ago=60))


def test_all_repetition_together_is_bounded() -> None:
    """The reasons share the limit and stay in proportion."""
    histories = [TraitHistory(kind, others(MAX_APPEARANCES), spam_labels=1_000) for kind in TRAIT_KINDS]
    reasons = weigh(histories, CURRENT)
    assert {reason.code for reason in reasons} == {*CODES.values(), SPAM_LABEL_CODE}
    assert sum(reason.weight for reason in reasons) == pytest.approx(MAX_WEIGHT)


def test_a_ham_label_outweighs_everything() -> None:
    """An approved person's site is no evidence, however often others repeat it or have it labelled spam."""
    assert weigh([TraitHistory(AUTHOR_SITE, others(30), ham_labels=1, spam_labels=50)], CURRENT) == []


def test_a_ham_label_never_speaks_for_ham() -> None:
    """Anybody can repeat an approved person's address."""
    advert = TraitHistory(TEXT, others(3))
    approved = TraitHistory(CONTACT, (), ham_labels=9)
    assert weigh([advert, approved], CURRENT) == weigh([advert], CURRENT)


def test_spam_labels_count_without_recent_appearances() -> None:
    """A label stays in force."""
    (reason,) = weigh([TraitHistory(AUTHOR_SITE, (), spam_labels=3)], CURRENT)
    assert (reason.code, reason.detail) == (SPAM_LABEL_CODE, "people labelled 3 comments with it spam, and none ham")


DETAILS = {
    "sent once in the last hour, under 1 other name, on 1 page": others(1),
    "sent 14 times in the last day, under 14 other names, on 14 pages": others(13)
    + others(1, minutes_ago=61, page=99, author=99),
    "sent 4 times in the last week, under 2 other names, on 2 pages": others(2, minutes_ago=60 * 24 * 3) * 2,
    "sent at least 32 times in the last hour, under 32 other names, on 32 pages": others(MAX_APPEARANCES),
    "sent 3 times in the last hour, under 3 other names, on 3 pages of 2 sites": others(2)
    + others(1, site=2, author=9),
}


@pytest.mark.parametrize("detail", DETAILS)
def test_a_reason_states_its_counts(detail: str) -> None:
    """The counts are those of the shortest window that has all of them."""
    (reason,) = weigh([TraitHistory(TEXT, DETAILS[detail])], CURRENT)
    assert (reason.code, reason.detail) == ("REPEATED_TEXT", detail)
