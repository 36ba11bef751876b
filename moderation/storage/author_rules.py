"""Store which authors a site trusts and blocks."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select

from moderation.domain.authors import AuthorFact, AuthorRule, Standing
from moderation.storage.operator_tables import author_rules

_NAMES = tuple(field.name for field in fields(AuthorRule))
_RULES = select(*(author_rules.c[name] for name in _NAMES))


def find(connection: Connection, site_id: int, facts: Sequence[tuple[AuthorFact, str]]) -> list[AuthorRule]:
    """Return the rules of a site for any of these facts, in no order; expired ones too."""
    wanted = [and_(author_rules.c.fact == fact.value, author_rules.c.value == value) for fact, value in facts]
    statement = _RULES.where(author_rules.c.site_id == site_id, or_(*wanted))
    return list(map(_from_row, connection.execute(statement)))


def find_one(connection: Connection, site_id: int, fact: AuthorFact, value: str) -> AuthorRule | None:
    """Return the rule of a site for a fact, also an expired one; `None` if there is none."""
    return next(iter(find(connection, site_id, [(fact, value)])), None)


def list_of_site(connection: Connection, site_id: int) -> list[AuthorRule]:
    """Return the rules of a site, the newest first."""
    statement = _RULES.where(author_rules.c.site_id == site_id).order_by(author_rules.c.created_at.desc())
    return list(map(_from_row, connection.execute(statement)))


def put(connection: Connection, site_id: int, rule: AuthorRule) -> None:
    """Store a rule in place of any earlier one for its fact."""
    remove(connection, site_id, rule.fact, rule.value)
    row = {name: getattr(rule, name) for name in _NAMES}
    row |= {"site_id": site_id, "fact": rule.fact.value, "standing": rule.standing.value}
    connection.execute(insert(author_rules), row)


def remove(connection: Connection, site_id: int, fact: AuthorFact, value: str) -> None:
    """Delete the rule for a fact, if there is one."""
    of_fact = (author_rules.c.fact == fact.value, author_rules.c.value == value)
    connection.execute(delete(author_rules).where(author_rules.c.site_id == site_id, *of_fact))


def _from_row(row: Row[Any]) -> AuthorRule:
    fact, value, standing, *others = tuple(row)
    return AuthorRule(AuthorFact(fact), value, Standing(standing), *others)
