"""A loaded model that another process loads again from the same files, instead of receiving it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from moderation.domain.errors import ModelUnavailable
from moderation.registry.model_registry import ModelRegistry
from moderation.scoring.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class StoredModel:
    """A model for files, `patient`, with its registry. Pickled, it is the place and the checksum of its files."""

    model: Model
    folder: Path
    model_id: str
    checksum: str

    @classmethod
    def load(cls, registry: ModelRegistry, model_id: str) -> Self:
        """Load a model. Raises the errors of `ModelRegistry.load`."""
        model = registry.load(model_id).patient()
        return cls(model, registry.folder.resolve(), model_id, registry.checksum(model_id))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _load_again, (self.folder, self.model_id, self.checksum)


@lru_cache(maxsize=2)
def _load_again(folder: Path, model_id: str, checksum: str) -> StoredModel:
    registry = ModelRegistry(folder)
    if model_id not in registry.ids() or registry.checksum(model_id) != checksum:
        raise ModelUnavailable(
            f"A worker has another model {model_id}, or none: "
            "all machines need the folder of the models at the same place."
        )
    return StoredModel.load(registry, model_id)
