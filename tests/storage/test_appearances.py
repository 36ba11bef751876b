"""The table of recent appearances: bounded rows, labels, and a purge that leaves what is young or labelled."""

from sqlalchemy import Connection, func, select

from moderation.actions.services import Services
from moderation.scoring.repetition import MAX_APPEARANCES, MINUTES_PER_WEEK, Appearance
from moderation.storage import appearances
from moderation.storage.appearances import N_SLICES
from moderation.storage.tables import appearances as table

NOW = 29_000_000
SMALLEST, LARGEST = -(2**63), 2**63 - 1
KEYS = (SMALLEST, -1, 0, LARGEST)


def at(minute: int, author: int = 7) -> Appearance:
    return Appearance(minute, 65_535, 65_535, author)


def purge(services: Services, max_rows: int = appearances.MAX_ROWS) -> None:
    def purge_all(connection: Connection) -> None:
        for number in range(N_SLICES):
            appearances.purge(connection, number, NOW, MINUTES_PER_WEEK, max_rows)

    services.writer.run(purge_all)


def stored(services: Services, *keys: int) -> dict[int, tuple[tuple[Appearance, ...], int, int]]:
    return services.kept_connection.read(lambda connection: appearances.find(connection, keys))


def count(services: Services) -> int:
    return services.kept_connection.read(
        lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one()
    )


def test_appearances_come_back_newest_first(services: Services) -> None:
    """Keys of any sign, and a key that is not stored."""

    def add(connection: Connection) -> None:
        appearances.add(connection, KEYS, at(NOW - 1))
        appearances.add(connection, [0, LARGEST], at(NOW))

    services.writer.run(add)
    assert stored(services, *KEYS, 5) == {
        **{key: ((at(NOW - 1),), 0, 0) for key in (SMALLEST, -1)},
        **{key: ((at(NOW), at(NOW - 1)), 0, 0) for key in (0, LARGEST)},
    }


def test_a_row_does_not_grow_without_bound(services: Services) -> None:
    """A flood replaces the oldest appearances."""

    def flood(connection: Connection) -> None:
        for number in range(3 * MAX_APPEARANCES):
            appearances.add(connection, [5], at(NOW, number))

    services.writer.run(flood)
    assert [seen.author for seen in stored(services, 5)[5][0]] == list(range(3 * MAX_APPEARANCES))[
        : -MAX_APPEARANCES - 1 : -1
    ]


def test_labels_are_counted_and_never_negative(services: Services) -> None:
    """A label may be withdrawn that was given before labels were counted."""

    def label(connection: Connection) -> None:
        appearances.count_labels(connection, [5], -1, 1)
        appearances.count_labels(connection, [5], 1, 1)
        appearances.count_labels(connection, [5], 0, -1)

    services.writer.run(label)
    assert stored(services, 5) == {5: ((), 1, 1)}


def test_a_purge_leaves_the_last_week(services: Services) -> None:
    """Older appearances vanish, also behind younger ones, and those that a clock ahead of time stored."""
    old, young, future = at(NOW - MINUTES_PER_WEEK - 1), at(NOW - MINUTES_PER_WEEK + 1), at(NOW + MINUTES_PER_WEEK + 1)

    def add(connection: Connection) -> None:
        for key, *seen in ((SMALLEST, old), (-1, old, young), (0, young), (3, future), (LARGEST, young, future)):
            for appearance in seen:
                appearances.add(connection, [key], appearance)

    services.writer.run(add)
    purge(services)
    assert stored(services, SMALLEST, -1, 0, 3, LARGEST) == dict.fromkeys((-1, 0, LARGEST), ((young,), 0, 0))


def test_a_label_outlives_the_appearances(services: Services) -> None:
    """It vanishes with its withdrawal."""

    def label(connection: Connection) -> None:
        appearances.add(connection, [5], at(NOW - MINUTES_PER_WEEK - 1))
        appearances.count_labels(connection, [5], 0, 1)

    services.writer.run(label)
    purge(services)
    assert stored(services, 5) == {5: ((), 0, 1)}
    services.writer.run(lambda connection: appearances.count_labels(connection, [5], 0, -1))
    purge(services)
    assert stored(services, 5) == {}


def test_the_table_does_not_grow_without_bound(services: Services) -> None:
    """A flood of new keys leaves the newest of them, and every label."""
    step = 2**64 // N_SLICES

    def flood(connection: Connection) -> None:
        appearances.count_labels(connection, [SMALLEST + 99], 1, 0)
        for number in range(30):
            appearances.add(connection, [SMALLEST + number, SMALLEST + 5 * step + number], at(NOW - 30 + number))

    services.writer.run(flood)
    purge(services, max_rows=N_SLICES * 10)
    assert count(services) == 2 * 10 + 1
    assert set(stored(services, *[SMALLEST + number for number in (0, 19, 20, 29, 99)])) == {
        SMALLEST + number for number in (20, 29, 99)
    }
