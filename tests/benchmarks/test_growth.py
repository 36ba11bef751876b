"""The history of the growth benchmark is the same in every run and has every kind of row."""

from collections import Counter
from random import Random

from benchmarks.growth import _MIN_OPEN_ITEMS, _history
from moderation.storage.tables import comments, decisions, labels, queue_items


def test_the_history_is_seeded_and_complete() -> None:
    """Equal seeds give equal decisions; a full page of items waits; every other table has its share."""
    first, second = ([row[decisions]["id"] for row in _history(Random(1), 1000, 3)] for _ in range(2))
    assert first == second and len(set(first)) == 1000
    rows = list(_history(Random(1), 1000, 3))
    assert Counter(table for row in rows for table in row) == {
        comments: 1000,
        decisions: 1000,
        queue_items: 100,
        labels: 20,
    }
    waiting = [row for row in rows if queue_items in row and row[queue_items]["closed_at"] is None]
    assert len(waiting) == _MIN_OPEN_ITEMS
    assert {row[comments]["site_id"] for row in rows} == {1, 2, 3}
