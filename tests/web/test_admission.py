"""The caps on requests in hand."""

from moderation.web.admission import (
    KNOWN_SECONDS,
    MAX_IN_HAND,
    MAX_PER_SITE,
    MAX_PER_STRANGER,
    MAX_STRANGERS_IN_HAND,
    Admissions,
)


def entered(admissions: Admissions, address: str | None, count: int) -> list[int | None]:
    refusals = [admissions.enter(address) for _ in range(count)]
    return [refusal.code for refusal in refusals if refusal is not None]


def test_an_address_has_a_cap() -> None:
    """One request more is refused until another one is answered; a proxy without a client has none."""
    admissions = Admissions()
    assert entered(admissions, "192.0.2.1", MAX_PER_STRANGER + 2) == [429, 429]
    assert entered(admissions, "192.0.2.2", 1) == []
    admissions.leave("192.0.2.1")
    assert entered(admissions, "192.0.2.1", 2) == [429]
    assert entered(admissions, None, 2 * MAX_PER_STRANGER) == []


def test_strangers_leave_room_for_sites() -> None:
    """Strangers together are refused with 503 while an address with a valid key still gets in, up to the total."""
    now = 0.0
    admissions = Admissions(lambda: now)
    admissions.recognise("192.0.2.1")
    for number in range(MAX_STRANGERS_IN_HAND):
        assert admissions.enter(f"198.51.100.{number}") is None
    assert entered(admissions, "203.0.113.1", 1) == [503]
    room = MAX_IN_HAND - MAX_STRANGERS_IN_HAND
    assert entered(admissions, "192.0.2.1", room + 1) == [503]


def test_a_site_is_known_for_a_time() -> None:
    """Its own cap counts while its key was valid of late, by a clock that nobody can set."""
    now = 0.0
    admissions = Admissions(lambda: now)
    admissions.recognise("192.0.2.1")
    assert entered(admissions, "192.0.2.1", MAX_PER_SITE + 1) == [429]
    for _ in range(MAX_PER_SITE - MAX_PER_STRANGER):
        admissions.leave("192.0.2.1")
    assert entered(admissions, "192.0.2.1", 1) == []
    now = KNOWN_SECONDS
    assert entered(admissions, "192.0.2.1", 1) == [429]
