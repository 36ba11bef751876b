"""Column types store and return values in a documented way."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Index, create_engine, func, literal, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import ColumnCollectionConstraint

from moderation.storage.columns import AnyText, UtcDateTime, storable
from moderation.storage.tables import metadata

BOUNDED = {
    "author_rules.fact": "one of the facts that a blog vouches for",
    "author_rules.value": "domain.authors.MAX_FACT_LENGTH",
    "callbacks.decision_id": "a random id",
    "decisions.id": "a random id",
    "decisions.verdict": "one of four",
    "alarms.kind": "one of five",
    "idempotency_keys.key": "web.requests.IDEMPOTENCY_KEY_PATTERN",
    "installation.id": "a random id",
    "job_runs.name": "a name that the program gives",
    "keys.digest": "a digest",
    "labels.value": "ham or spam",
    "list_entries.key": "features.list_keys.MAX_KEY_LENGTH",
    "list_entries.kind": "one of four",
    "model_chunks.file": "one of three",
    "model_chunks.model": "registry.model_files.check_model_id",
    "lists.name": "up to 40 characters",
    "moderators.name": "actions.moderators.MAX_NAME_LENGTH",
    "act_items.decision_id": "a random id",
    "acts.moderator": "actions.moderators.MAX_NAME_LENGTH",
    "act_rules.value": "domain.authors.MAX_FACT_LENGTH",
    "queue_items.decision_id": "a random id",
    "webhook_messages.id": "a random id",
    "recovery_codes.digest": "a digest",
    "sessions.digest": "a digest",
    "similarity_index.value": "ham or spam",
    "identities.issuer": "domain.oidc.MAX_ISSUER_LENGTH",
    "identities.subject": "domain.oidc.MAX_SUBJECT_LENGTH",
    "tokens.digest": "a digest",
    "used_states.digest": "a digest",
    "sites.url": "actions.sites.MAX_URL_LENGTH",
}
"""Every text that an index holds, with the reason why it is short."""

any_text = st.text(st.characters(), max_size=50)
DIALECT = sqlite.dialect()
IN_MEMORY = create_engine("sqlite://")


@given(any_text)
@example("nul \x00 and \ud800 half a pair \udfff")
def test_any_text_becomes_storable(text: str) -> None:
    """NUL and lone surrogates become U+FFFD, one for one; other characters stay; twice is once."""
    stored = AnyText().process_bind_param(text, DIALECT)
    assert stored is not None and stored == storable(text) == storable(stored)
    stored.encode()
    assert "\x00" not in stored
    assert all(before == after or after == "\ufffd" for before, after in zip(text, stored, strict=True))


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))
def test_times_are_utc(moment: datetime) -> None:
    """An aware time of any zone is a number in SQLite, and comes back in UTC, to the microsecond."""
    bound = literal(moment, UtcDateTime)
    with IN_MEMORY.connect() as connection:
        returned, kind = connection.execute(select(bound, func.typeof(bound))).one()
    assert (returned, returned.tzinfo, kind) == (moment.astimezone(UTC), UTC, "integer")


def test_the_session_time_zone_does_not_matter() -> None:
    """PostgreSQL returns times in the zone of its session."""
    in_another_zone = datetime(2026, 1, 2, 14, tzinfo=timezone(timedelta(hours=2)))
    returned = UtcDateTime().process_result_value(in_another_zone, DIALECT)
    assert returned is not None
    assert (returned.hour, returned.tzinfo) == (12, UTC)


def test_each_text_in_an_index_is_short() -> None:
    """PostgreSQL refuses an entry of an index above 2,704 bytes, and so the whole row."""
    indexed = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for index in (*table.indexes, *table.constraints)
        if isinstance(index, Index | ColumnCollectionConstraint)
        for column in index.columns
        if isinstance(column.type, AnyText)
    }
    assert indexed == set(BOUNDED)


def test_a_naive_time_is_refused() -> None:
    """The zone would be a guess."""
    with pytest.raises(ValueError, match="without a zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 2), DIALECT)


def test_null_stays_null() -> None:
    """An absent value never becomes another one."""
    assert AnyText().process_bind_param(None, DIALECT) is None
    assert UtcDateTime().process_bind_param(None, DIALECT) is None
    assert UtcDateTime().process_result_value(None, DIALECT) is None
