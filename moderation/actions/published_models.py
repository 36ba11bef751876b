"""Models that reach all machines through the database: publish one, follow the live one, go back to the former one."""

import logging
from threading import Event
from time import monotonic

from sqlalchemy import Connection

from moderation.actions.background import BackgroundTasks, PeriodicTask
from moderation.actions.services import Services
from moderation.domain.errors import Conflict, ModelUnavailable, ModerationError, NotFound, StorageUnavailable
from moderation.registry.model_files import CARD_FILE
from moderation.registry.promotion_log import Promotion, PromotionWay
from moderation.registry.received_model import (
    SentFile,
    is_intact,
    read_files,
    receive,
    sole_receiver,
)
from moderation.registry.serialization import sha256_hex
from moderation.storage import published_models
from moderation.storage.engine import read_transaction
from moderation.storage.locks import lock_models
from moderation.storage.published_models import PublishedModel

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETRY_PAUSE_SECONDS = 60.0
"""Time between two attempts to follow the same model. Each may read all of its files."""


def publish(services: Services, model_id: str, former: PublishedModel | None) -> None:
    """Store the files of a model, again if they are stored, and make it the live one of all machines.

    Raises `Conflict` if another model than `former` is live, or if another one was published under this id, and the
    errors of `read_files`.
    """
    files, now = read_files(services.registry, model_id), services.clock()
    checksum = sha256_hex(files[CARD_FILE])

    def store(connection: Connection) -> None:
        lock_models(connection)
        live = published_models.newest(connection)
        if live != former:
            raise Conflict(f"{live.model if live else 'No model'} became the live model meanwhile: try again.")
        if published_models.find_checksum(connection, model_id) not in (None, checksum):
            raise Conflict(f"Another model was published as {model_id}: train this one again with another --id.")
        published_models.put_files(connection, model_id, files)
        if live is None or live.model != model_id:
            published_models.publish(connection, model_id, checksum, now)

    services.writer.run(store, slow=True)


def follow(services: Services) -> PublishedModel | None:
    """Make the live model of all machines the live one here, and return it; `None` before the first one.

    Its files are fetched if they are missing here, or damaged. Raises `Conflict` while another process fetches them,
    and `ModelUnavailable` if they have another checksum, have no room or cannot be loaded: the model that is live here
    then stays so.
    """
    wanted = live_model(services)
    if wanted is not None and not _is_live_here(services, wanted):
        fetch(services, wanted)
        services.registry.promote(wanted.model)
    return wanted


def live_model(services: Services) -> PublishedModel | None:
    """Return the live model of all machines; `None` before the first one. Raises `StorageUnavailable`."""
    return services.kept_connection.read(published_models.newest)


def fetch(services: Services, model: PublishedModel) -> None:
    """Copy the files of a published model here, unless they are here. Raises the errors of `follow`."""
    registry = services.registry
    with sole_receiver(registry) as is_alone:
        if not is_alone:
            raise Conflict(f"Another process is fetching the model {model.model}: try again in a moment.")
        if (registry.folder / model.model / CARD_FILE).exists():
            if registry.checksum(model.model) != model.card_sha256:
                raise ModelUnavailable(
                    f"The models have another {model.model} here than on the other machines: remove its folder."
                )
            if is_intact(registry, model.model):
                return
        with read_transaction(services.engine, slow=True) as connection:
            files = published_models.list_files(connection, model.model)
        sent = (
            SentFile(file.name, file.size, published_models.read_chunks(services.engine, model.model, file))
            for file in files
        )
        receive(registry, model.model, model.card_sha256, sent)


def roll_back(services: Services) -> str:
    """Make the former live model of all machines live again, here first, and return its id.

    Raises `NotFound` without one, and the errors of `follow`.
    """
    live = follow(services)
    with read_transaction(services.engine) as connection:
        former = published_models.newest(connection, former=1)
    if live is None or former is None:
        raise NotFound("There is no earlier model to go back to.")
    fetch(services, former)
    record = Promotion(services.clock(), former.model, live.model, PromotionWay.ROLLBACK)

    def take_back(_: str) -> None:
        services.writer.run(lambda connection: _take_back(connection, live))

    services.registry.promote(former.model, record=record, publish=take_back)
    return former.model


def _take_back(connection: Connection, live: PublishedModel) -> None:
    lock_models(connection)
    if published_models.newest(connection) != live:
        raise Conflict("Another model became the live one meanwhile: try again.")
    published_models.take_back(connection, live.id)


def _is_live_here(services: Services, wanted: PublishedModel) -> bool:
    registry = services.registry
    return registry.current_id() == wanted.model and registry.checksum(wanted.model) == wanted.card_sha256


def following_threads(services: Services) -> list[BackgroundTasks]:
    """Return the thread that follows the live model of all machines, not started yet; none if it is the machine's own.

    It is a thread of each process: a delivery must not delay the model, nor a large model a delivery.
    """
    if not services.follows_models:
        return []
    task = PeriodicTask(Following(services), name="models", pause_seconds=POLL_SECONDS)
    return [BackgroundTasks(services, task)]


class Following:
    """A job that follows the live model of all machines. `LiveModel.follow_error` says why it could not."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._failed: PublishedModel | None = None
        self._next_attempt = 0.0

    def __call__(self, _: Event) -> None:
        """Follow it now, unless the same model failed a moment ago. Each process has its own, so no run is recorded."""
        wanted = None
        try:
            wanted = live_model(self._services)
            if wanted == self._failed and monotonic() < self._next_attempt:
                return
            follow(self._services)
        except (Conflict, StorageUnavailable):
            # Another process of this machine is at it, or the database is away, which `/readyz` says.
            return
        except ModerationError as error:
            self._services.live_model.follow_error = str(error)
            self._failed, self._next_attempt = wanted, monotonic() + RETRY_PAUSE_SECONDS
            logger.warning("following the live model failed", extra={"problem": str(error)})
        else:
            self._services.live_model.follow_error, self._failed = None, None
