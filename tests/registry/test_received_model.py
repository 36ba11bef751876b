"""A copy of a model is taken wholly or not at all: any damage on the way leaves the registry as it was."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from moderation.domain.errors import ModelUnavailable, ModerationError
from moderation.registry import received_model
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.received_model import SentFile, is_intact, read_files, receive, sole_receiver
from moderation.registry.serialization import sha256_hex

CHUNK_BYTES = 10_000


class Sender(NamedTuple):
    """The files of a model at another machine, and the checksum of its card."""

    files: dict[str, bytes]
    checksum: str

    def send(self, **replaced: bytes) -> Iterator[SentFile]:
        """Yield the files as they are sent, some with another content than announced."""
        for name, content in self.files.items():
            sent = replaced.get(name.partition(".")[0], content)
            chunks = [sent[start : start + CHUNK_BYTES] for start in range(0, len(sent), CHUNK_BYTES)]
            yield SentFile(name, len(content), iter(chunks))


@pytest.fixture
def sender(registry: ModelRegistry) -> Sender:
    return Sender(read_files(registry, "small"), registry.checksum("small"))


@pytest.fixture
def empty(tmp_path: Path) -> ModelRegistry:
    """Return the registry of a new machine."""
    (tmp_path / "new").mkdir()
    return ModelRegistry(tmp_path / "new")


def test_a_copy_equals_its_source(registry: ModelRegistry, empty: ModelRegistry, sender: Sender) -> None:
    """It loads, and nothing else is left in the folder. It is not live yet."""
    receive(empty, "small", sender.checksum, sender.send())
    assert empty.ids() == ["small"] and empty.current_id() is None and is_intact(empty, "small")
    assert empty.load("small").bias == registry.load("small").bias
    assert [path.name for path in empty.folder.iterdir()] == ["small"]


@pytest.mark.parametrize("part", ["model", "card"])
@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-1], lambda raw: raw + b"x", lambda raw: b"y" + raw[1:], lambda _: b""]
)
def test_a_damaged_copy_is_refused(
    empty: ModelRegistry, sender: Sender, part: str, damage: Callable[[bytes], bytes]
) -> None:
    """One that is truncated, too long, altered or empty. No file of it stays."""
    name = {"model": "model.joblib", "card": "card.json"}[part]
    with pytest.raises(ModelUnavailable):
        receive(empty, "small", sender.checksum, sender.send(**{part: damage(sender.files[name])}))
    assert list(empty.folder.iterdir()) == []


def test_a_swapped_copy_is_refused(empty: ModelRegistry, sender: Sender) -> None:
    """The files of one model, whole and with the right checksums, under the id or the checksum of another one."""
    with pytest.raises(ModelUnavailable, match="card of another model"):
        receive(empty, "other", sender.checksum, sender.send())
    with pytest.raises(ModelUnavailable, match="not the one that was promoted"):
        receive(empty, "small", sha256_hex(b"other"), sender.send())
    assert list(empty.folder.iterdir()) == []


@pytest.mark.parametrize("model_id", ["../small", "", ".", "a/b", "x" * 65])
def test_no_id_leaves_the_folder(empty: ModelRegistry, sender: Sender, model_id: str) -> None:
    """The database names the folder, and a stranger may have written to it."""
    with pytest.raises(ModerationError):
        receive(empty, model_id, sender.checksum, sender.send())
    assert list(empty.folder.parent.glob("**/.received*")) == []


def test_files_that_no_model_has_are_refused(empty: ModelRegistry, sender: Sender) -> None:
    """Another name, an announced size beyond the limit, or no card."""
    (model, card) = sender.send()
    for sent in ([model, card, SentFile("../current", 1, iter([b"x"]))], [model, card._replace(size=2**40)], [model]):
        with pytest.raises(ModelUnavailable, match="not those of a model"):
            receive(empty, "small", sender.checksum, sent)
    assert list(empty.folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(empty: ModelRegistry, sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found out before the copy, or in the middle of it."""
    with monkeypatch.context() as patch:
        patch.setattr(received_model, "_SPARE_BYTES", 2**63)
        with pytest.raises(ModelUnavailable, match="no room for the"):
            receive(empty, "small", sender.checksum, sender.send())

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelUnavailable, match="disk of the models is full"):
        receive(empty, "small", sender.checksum, sender.send())
    assert list(empty.folder.iterdir()) == []


def test_a_damaged_model_is_replaced(registry: ModelRegistry, sender: Sender) -> None:
    """By the same model as it was published."""
    file = registry.folder / "small" / "model.joblib"
    file.write_bytes(file.read_bytes()[:-9])
    assert not is_intact(registry, "small")
    receive(registry, "small", sender.checksum, sender.send())
    assert is_intact(registry, "small") and registry.ids() == ["small"]


def test_one_process_of_a_machine_receives(empty: ModelRegistry) -> None:
    """Another one finds it at work. The rest of a killed one is removed."""
    (empty.folder / ".received-killed").mkdir()
    with sole_receiver(empty) as first, sole_receiver(empty) as second:
        assert first and not second
    assert not (empty.folder / ".received-killed").exists()
