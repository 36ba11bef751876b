"""The audit's draw cannot be guessed, and its intervals have the true rates as often as they say."""

import random
from itertools import product
from uuid import UUID

import pytest

from moderation.domain.audit import NO_AUDIT, AuditDraw, Estimate, Stratum, estimate

SECRET, OTHER = b"s" * 32, b"t" * 32
IDS = [UUID(int=number).hex for number in range(20_000)]


def drawn(draw: AuditDraw) -> set[str]:
    return {decision_id for decision_id in IDS if draw.probability(decision_id) is not None}


def test_the_share_is_drawn_by_the_secret() -> None:
    """The same decisions each time; another secret draws others, as often by chance as two coins agree."""
    draw = AuditDraw(SECRET, 0.05)
    assert drawn(draw) == drawn(draw) and 900 < len(drawn(draw)) < 1_100
    assert len(drawn(draw) & drawn(AuditDraw(OTHER, 0.05))) < 100
    assert {draw.probability(decision_id) for decision_id in drawn(draw)} == {0.05}
    assert "secret" not in repr(draw)


def test_a_larger_share_draws_more() -> None:
    """None at 0, all at 1, and each that a smaller share draws."""
    assert drawn(NO_AUDIT) == drawn(AuditDraw(SECRET, 0.0)) == set()
    assert drawn(AuditDraw(SECRET, 1.0)) == set(IDS)
    assert drawn(AuditDraw(SECRET, 0.01)) < drawn(AuditDraw(SECRET, 0.02))


def test_without_labels_nothing_is_known() -> None:
    """No value, and the widest interval; nor of a site without comments."""
    unknown = Estimate(None, 0.0, 1.0)
    assert estimate(Stratum(100), Stratum(0), Stratum(100), 0.95) == (unknown, unknown)
    assert estimate(Stratum(0), Stratum(0), Stratum(0), 0.95) == (unknown, unknown)


def test_a_census_is_exact() -> None:
    """Where each comment is labelled, the interval is the rate."""
    lost, caught = estimate(
        Stratum(90, {1.0: 80}, {1.0: 10}), Stratum(10, {1.0: 5}, {1.0: 5}), Stratum(40, {1.0: 15}, {1.0: 25}), 0.95
    )
    assert lost == pytest.approx((0.15, 0.15, 0.15)) and caught == pytest.approx((0.75, 0.75, 0.75))


def test_a_label_stands_for_the_comments_that_could_not_be_seen() -> None:
    """One drawn with 1 % stands for a hundred, one with 10 % for ten."""
    (published, _), held, blocked = (Stratum(1_100, {0.01: 1}, {0.1: 1}), 0), Stratum(0), Stratum(0)
    assert published.ham_count(0.9).value == pytest.approx(1_000)
    assert estimate(published, held, blocked, 0.95).caught.value == 0.0


def test_both_intervals_hold_as_often_as_they_say() -> None:
    """Many sites whose share changed half-way: at least 95 % of the intervals have both rates."""
    generator, met, rounds = random.Random(7), 0, 400
    truth = {"published": (3_000, 0.97), "blocked": (1_000, 0.03)}
    for _ in range(rounds):
        strata, counts = {}, {}
        for name, (decided, ham_share) in truth.items():
            ham, spam = {0.01: 0, 0.05: 0}, {0.01: 0, 0.05: 0}
            all_ham = 0
            for number in range(decided):
                share = 0.05 if number < decided // 2 else 0.01
                is_ham = generator.random() < ham_share
                all_ham += is_ham
                if generator.random() < share:
                    (ham if is_ham else spam)[share] += 1
            strata[name], counts[name] = Stratum(decided, ham, spam), (all_ham, decided - all_ham)
        lost, caught = estimate(strata["published"], Stratum(0), strata["blocked"], 0.95)
        true_lost = counts["blocked"][0] / (counts["blocked"][0] + counts["published"][0])
        true_caught = counts["blocked"][1] / (counts["blocked"][1] + counts["published"][1])
        met += lost.low <= true_lost <= lost.high and caught.low <= true_caught <= caught.high
    assert met >= 0.95 * rounds


def test_bounds_enclose_their_value() -> None:
    """For any counts, within 0 and 1."""
    for ham, spam, more in product((0, 1, 7), (0, 1, 7), (0, 3)):
        stratum = Stratum(500, {0.02: ham, 0.3: more}, {0.02: spam})
        for rate in estimate(stratum, Stratum(4, {1.0: 1}), stratum, 0.9):
            assert 0.0 <= rate.low <= rate.high <= 1.0
            assert rate.value is None or rate.low <= rate.value <= rate.high
