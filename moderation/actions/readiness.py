"""Checks whether comments can be judged and stored at this moment."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from moderation.actions.disk import low_disk_warning
from moderation.actions.published_models import live_model
from moderation.actions.secret import secret_problem
from moderation.actions.services import Services
from moderation.domain.errors import ModerationError
from moderation.storage.engine import disk_problem, read_transaction
from moderation.storage.migrate import HEAD, schema_state

MAX_WAIT_SECONDS = 0.5
"""Time that the check waits for the write lock; a supervisor gives up after a second."""


class Version(NamedTuple):
    """A model by its id and the SHA-256 of its card, or a schema by its revision."""

    id: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """State of one part that the service needs. `detail` is a sentence that says what to do.

    `has` is the version of the part in use, and `should_have` the promoted model or the schema of this program.
    """

    name: str
    ready: bool
    detail: str | None
    has: Version | None = None
    should_have: Version | None = None


def readiness(services: Services) -> tuple[Check, ...]:
    """Check the model, the database, its schema, the secret and the disk. Raises no `ModerationError`."""
    return (
        _check_model(services),
        _check("database", lambda: _database_problem(services)),
        _check_schema(services),
        _check("secret", lambda: secret_problem(services)),
        _check_disk(services),
    )


def _check_model(services: Services) -> Check:
    try:
        model = services.live_model.current()
    except ModerationError as error:
        return Check("model", False, str(error))
    # A model that failed to load is named while the former one continues to serve, and so is a missing reader.
    live = services.live_model
    problem = live.follow_error or live.load_error or model.reader_problem or None
    return Check("model", True, problem, live.loaded and Version(*live.loaded), _promoted_model(services))


def _promoted_model(services: Services) -> Version | None:
    """Return the model that was promoted on all machines, or on this one.

    One of this machine has no checksum if its card cannot be read.
    """
    model_id, checksum = None, None
    with suppress(ModerationError):
        published = live_model(services) if services.follows_models else None
        if published:
            return Version(published.model, published.card_sha256)
        model_id = services.registry.current_id()
        checksum = services.registry.checksum(model_id) if model_id else None
    return Version(model_id, checksum) if model_id else None


def _check_schema(services: Services) -> Check:
    found = schema_state(services.engine)
    has = Version(found.revision) if found.revision else None
    return Check("schema", found.problem is None, found.problem or found.notice, has, Version(HEAD))


def _check_disk(services: Services) -> Check:
    check = _check("disk", lambda: disk_problem(services.engine))
    # A disk that becomes full is named while decisions can still be stored.
    return replace(check, detail=low_disk_warning(services)) if check.ready else check


def _check(name: str, find_problem: Callable[[], str | None]) -> Check:
    try:
        problem = find_problem()
    except ModerationError as error:
        problem = str(error)
    return Check(name, problem is None, problem)


def _database_problem(services: Services) -> None:
    with read_transaction(services.engine):
        pass
    # Waits in the same queue as decisions, so a busy service is ready and a locked database is not.
    services.writer.run(lambda _: None, timeout_seconds=MAX_WAIT_SECONDS)
