"""Store the models that are live on all machines, with their files in chunks."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select

from moderation.storage.engine import read_transaction
from moderation.storage.operator_tables import model_chunks, published_models

CHUNK_BYTES = 2**20
"""Size of a chunk. Each is one statement, which a slow network carries within the time of one."""
MAX_KEPT = 5
"""Models to which a rollback can go, the live one among them. The files of others are deleted."""

_NEWEST_FIRST = select(published_models.c.id, published_models.c.model, published_models.c.card_sha256).order_by(
    published_models.c.id.desc()
)


class PublishedModel(NamedTuple):
    """A model that went live on all machines. `card_sha256` is that of its card, which has those of its other files."""

    id: int
    model: str
    card_sha256: str


class StoredFile(NamedTuple):
    """A file of a published model: its name, its size in bytes and the number of its chunks."""

    name: str
    size: int
    chunk_count: int


def newest(connection: Connection, former: int = 0) -> PublishedModel | None:
    """Return the live model of all machines, or one that was so many models before; `None` if there is none."""
    row = connection.execute(_NEWEST_FIRST.offset(former).limit(1)).first()
    return None if row is None else PublishedModel(*row)


def publish(connection: Connection, model: str, card_sha256: str, at: datetime) -> None:
    """Make a model whose files are stored the live one, and delete the files of models beyond `MAX_KEPT`."""
    row = {"model": model, "card_sha256": card_sha256, "published_at": at}
    connection.execute(insert(published_models), row)
    kept = list(connection.execute(_NEWEST_FIRST.limit(MAX_KEPT)))
    connection.execute(delete(published_models).where(published_models.c.id < kept[-1].id))
    connection.execute(delete(model_chunks).where(model_chunks.c.model.not_in([each.model for each in kept])))


def find_checksum(connection: Connection, model: str) -> str | None:
    """Return the checksum of the card with which a model was published; `None` if it was not, or is forgotten."""
    of_model = select(published_models.c.card_sha256).where(published_models.c.model == model)
    checksum: str | None = connection.execute(of_model.limit(1)).scalar()
    return checksum


def take_back(connection: Connection, published_id: int) -> None:
    """Make the model before this one live again. Its files stay until the next model is published."""
    connection.execute(delete(published_models).where(published_models.c.id == published_id))


def put_files(connection: Connection, model: str, files: Mapping[str, bytes]) -> None:
    """Store the files of a model, in place of earlier ones."""
    connection.execute(delete(model_chunks).where(model_chunks.c.model == model))
    for name, content in files.items():
        for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            chunk = content[start : start + CHUNK_BYTES]
            connection.execute(insert(model_chunks), {"model": model, "file": name, "number": number, "content": chunk})


def list_files(connection: Connection, model: str) -> list[StoredFile]:
    """Return the files of a published model by name."""
    sizes = (model_chunks.c.file, func.sum(func.length(model_chunks.c.content)), func.count())
    statement = select(*sizes).where(model_chunks.c.model == model).group_by(model_chunks.c.file)
    return [StoredFile(name, int(size), count) for name, size, count in connection.execute(statement)]


def read_chunks(engine: Engine, model: str, file: StoredFile) -> Iterator[bytes]:
    """Yield the chunks of a file, without one that was deleted meanwhile: the checksum is then another."""
    of_file = (model_chunks.c.model == model, model_chunks.c.file == file.name)
    for number in range(file.chunk_count):
        # A transaction each: none is open while the disk is written to.
        with read_transaction(engine, slow=True) as connection:
            chunk = select(model_chunks.c.content).where(*of_file, model_chunks.c.number == number)
            yield connection.execute(chunk).scalar() or b""
