"""The multiplied history of the scale benchmark is whole: its rows refer to each other, in the order of time."""

import pytest
from sqlalchemy import create_engine, text

from benchmarks.growth import TABLES, store_history
from benchmarks.scale import multiply
from tests.postgresql import PostgresServer

pytestmark = pytest.mark.postgresql


def test_a_multiplied_history_is_whole(postgres_server: PostgresServer) -> None:
    """Each copy has its comment, its decision, its queue item and its label, and no two have one id or one time."""
    with postgres_server.database() as url:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO sites (url, created_at) VALUES ('https://blog.example', now())"))
            store_history(connection, 1_000, 3)
            multiply(connection, 5, 1_000)
        with engine.begin() as connection:
            counts = [connection.execute(text(f"SELECT count(*) FROM {table.name}")).scalar() for table in TABLES]
            assert counts == [5_000, 5_000, 500, 100]
            found = connection.execute(
                text(
                    "SELECT count(*), count(DISTINCT d.comment_id), count(DISTINCT d.decided_at),"
                    " count(q.id), count(l.id)"
                    " FROM decisions d JOIN comments c ON c.id = d.comment_id AND c.received_at = d.decided_at"
                    " LEFT JOIN queue_items q ON q.decision_id = d.id"
                    " LEFT JOIN labels l ON l.id = d.label_id AND l.comment_id = d.comment_id"
                )
            ).one()
            assert tuple(found) == (5_000, 5_000, 5_000, 500, 100)
            later = text(
                "SELECT count(*) FROM comments a JOIN comments b ON b.id = a.id + 1 AND b.received_at > a.received_at"
            )
            assert connection.execute(later).scalar() == 4_999
        engine.dispose()
