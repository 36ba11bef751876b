"""Campaigns are found from packed keys: the largest first, and each comment once."""

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from moderation.scoring.campaigns import (
    MAX_LOGIT_BELOW,
    MIN_SIZE,
    FoundCampaign,
    TraitKeys,
    look_like_ham,
    unpack_keys,
)

KEYS = st.lists(st.lists(st.integers(-5, 5), unique=True, max_size=4), max_size=30)


def packed(*keys: list[int]) -> list[bytes]:
    return [pack(f">{len(each)}q", *each) for each in keys]


def found(*keys: list[int]) -> list[tuple[int, list[int]]]:
    return [(each.key, each.places.tolist()) for each in TraitKeys(packed(*keys)).find_campaigns(10)]


def test_comments_with_one_key_are_a_campaign() -> None:
    """One comment alone is none, and neither is a comment without keys."""
    assert found([7, 1], [], [7, 2], [3]) == [(7, [0, 2])]
    assert found() == found([], []) == found([1], [2]) == []


def test_the_largest_comes_first() -> None:
    """Of equal ones that of the lower key, so that the list is the same each time."""
    assert found([5], [5], [9], [9], [9], [-1], [-1]) == [(9, [2, 3, 4]), (-1, [5, 6]), (5, [0, 1])]


def test_the_same_comments_are_one_campaign() -> None:
    """Of three traits that the same comments share, only one is listed."""
    assert len(found([1, 2, 3], [1, 2, 3], [1, 2, 3])) == 1


def test_a_smaller_campaign_with_comments_of_its_own_is_listed_whole() -> None:
    """A member of both counts for the larger one, and is shown in both."""
    assert found([1], [1], [1, 2], [2], [2]) == [(1, [0, 1, 2]), (2, [2, 3, 4])]


def test_keys_of_64_bits_are_read_as_they_were_stored() -> None:
    """Signed, most significant byte first."""
    extremes = [-(2**63), 2**63 - 1]
    assert unpack_keys(packed(extremes)[0]) == extremes
    assert TraitKeys(packed(extremes, [4])).places(-(2**63)).tolist() == [0]


def test_a_comment_that_scores_far_below_the_others_looks_like_ham() -> None:
    """The median counts, so that many low ones are no exception, and one high one makes none."""
    assert look_like_ham([5.0, 4.0, 4.5, 4.5 - MAX_LOGIT_BELOW - 0.3]) == [False, False, False, True]
    assert look_like_ham([-3.0, -3.0, -3.5, 9.0]) == [False] * 4
    assert look_like_ham([]) == []


@given(KEYS)
def test_a_campaign_is_all_comments_with_its_key(keys: list[list[int]]) -> None:
    """Each campaign has all comments with its key, and each comment that shares a key with others is in a campaign."""
    traits = TraitKeys(packed(*keys))
    campaigns: list[FoundCampaign] = traits.find_campaigns(100)
    for key, places in campaigns:
        assert (
            places.tolist() == [place for place, each in enumerate(keys) if key in each] == traits.places(key).tolist()
        )
        assert len(places) >= MIN_SIZE
    if any(keys.count(each) > 1 for each in keys if each):
        assert campaigns


@given(KEYS, st.integers(0, 3))
def test_a_limit_cuts_the_smallest(keys: list[list[int]], limit: int) -> None:
    """The sizes fall."""
    sizes = [len(each.places) for each in TraitKeys(packed(*keys)).find_campaigns(100)]
    assert sizes == sorted(sizes, reverse=True)
    assert [len(each.places) for each in TraitKeys(packed(*keys)).find_campaigns(limit)] == sizes[:limit]
