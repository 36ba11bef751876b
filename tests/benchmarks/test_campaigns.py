"""Campaigns in a stream: which comments belong together, and which came late enough to count."""

import numpy as np

from benchmarks.campaigns import MIN_MEMBERS, find_campaigns, remaining_members
from benchmarks.label_streams import Stream
from moderation.domain.comment import Comment
from tests.models import small_model

TEXT = "our workshop repairs every kind of garden furniture and delivers it to your own door within a few days"


def test_a_campaign_shares_a_host_or_a_text() -> None:
    """Ham and single offers belong to none; nine comments are too few."""
    linked = [Comment(f"Offer number {number} at https://shoes.example/{number}") for number in range(MIN_MEMBERS)]
    spun = [Comment(f"{TEXT}, offer {number}") for number in range(MIN_MEMBERS)]
    few = [Comment(f"Look at https://bags.example/{number}") for number in range(MIN_MEMBERS - 1)]
    ham = [Comment("I bought mine at https://shoes.example/")]
    comments = [*linked, *ham, *spun, *few]
    spam = np.array([comment not in ham for comment in comments])
    assert find_campaigns(Stream("mine", comments, spam, small_model())) == [list(range(10)), list(range(11, 21))]


def test_late_members_come_after_twenty_labels() -> None:
    """The labels count from the first member of a campaign on."""
    labels = np.arange(100)
    assert remaining_members([[5, 20, 25, 40], [30, 45]], labels).tolist() == [25, 40]
    assert remaining_members([], labels).tolist() == []
