"""Whether comments can be judged and stored right now."""

from dataclasses import dataclass

from moderation.actions.desk import Desk
from moderation.domain.errors import ModerationError
from moderation.storage.engine import reading
from moderation.storage.migrate import objection


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the service needs. `detail` says what is wrong or noteworthy, if anything."""

    name: str
    ready: bool
    detail: str | None


def readiness(desk: Desk) -> tuple[Check, ...]:
    """The model, the database and its schema; raises nothing that the house knows."""
    return _model(desk), _database(desk), _schema(desk)


def _model(desk: Desk) -> Check:
    try:
        desk.live.current()
    except ModerationError as error:
        return Check("model", False, str(error))
    return Check("model", True, desk.live.problem)


def _database(desk: Desk) -> Check:
    try:
        with reading(desk.engine):
            return Check("database", True, None)
    except ModerationError as error:
        return Check("database", False, str(error))


def _schema(desk: Desk) -> Check:
    try:
        objected = objection(desk.engine)
    except ModerationError as error:
        objected = str(error)
    return Check("schema", objected is None, objected)
