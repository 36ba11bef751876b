"""SQLite has times as microseconds since 1970, in place of text: most indexes hold one."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Convert all times. PostgreSQL has a type for them."""
    _convert(_number)


def downgrade() -> None:
    """Convert all times back to text."""
    _convert(_text)


def _convert(converted: Callable[[str], str]) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    inspector = sa.inspect(connection)
    for table in inspector.get_table_names():
        columns = [column["name"] for column in inspector.get_columns(table) if isinstance(column["type"], sa.DateTime)]
        if columns:
            op.execute(f"UPDATE {table} SET " + ", ".join(f"{name} = {converted(name)}" for name in columns))


def _number(column: str) -> str:
    # Text is `2026-01-02 12:00:00.345678`, or without a fraction.
    return f"CAST(strftime('%s', substr({column}, 1, 19)) AS INTEGER) * 1000000 + CAST(substr({column}, 21) AS INTEGER)"


def _text(column: str) -> str:
    # SQLite's remainder of a negative number is negative.
    fraction = f"(({column} % 1000000 + 1000000) % 1000000)"
    return (
        f"strftime('%Y-%m-%d %H:%M:%S', ({column} - {fraction}) / 1000000, 'unixepoch') || printf('.%06d', {fraction})"
    )
