"""The log of promotions: which model went live when, after which comparison, and against which objections."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from moderation.registry.serialization import read_bounded

LOG_NAME = "promotions.jsonl"
_MAX_LOG_BYTES = 16 * 2**20


class PromotionWay(StrEnum):
    """How a model came to be live."""

    FIRST = "first"
    GATE = "gate"
    FORCED = "forced"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of the live model. `former` is the model that it replaced; `None` if there was none.

    `objections` are those of the gate that were overruled, in sentences.
    """

    at: datetime
    model: str
    former: str | None
    way: PromotionWay
    objections: tuple[str, ...] = ()


def append(folder: Path, promotion: Promotion) -> None:
    """Append a promotion to the log of a registry, on disk when this returns. Raises `OSError`."""
    line = json.dumps(asdict(promotion) | {"at": promotion.at.isoformat()}, ensure_ascii=False) + "\n"
    with (folder / LOG_NAME).open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[Promotion]:
    """Return all promotions of a registry, the oldest first. A line that cannot be read is left out.

    Raises `OSError` and `ModelUnavailable`.
    """
    try:
        lines = read_bounded(folder / LOG_NAME, _MAX_LOG_BYTES).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    return [promotion for line in lines if (promotion := _parse(line))]


def _parse(line: str) -> Promotion | None:
    try:
        values = json.loads(line)
        former = values["former"]
        return Promotion(
            datetime.fromisoformat(values["at"]),
            str(values["model"]),
            None if former is None else str(former),
            PromotionWay(values["way"]),
            tuple(map(str, values["objections"])),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
