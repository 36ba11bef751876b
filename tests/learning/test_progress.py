"""Telling how far a long piece of work has come."""

from moderation.learning.progress import by_tenths, follow


def test_each_tenth_is_told_once() -> None:
    """However many pieces there are, an operator reads at most ten lines, and the last says all."""
    said: list[str] = []
    assert follow(iter(range(37)), 37, by_tenths(said.append, "Read")) == list(range(37))
    assert said == [f"Read: {tenth}0 %." for tenth in range(1, 11)]


def test_work_goes_on_without_a_listener() -> None:
    """Nobody has to listen."""
    assert follow(iter("ab"), 2, None) == ["a", "b"]
