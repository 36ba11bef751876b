"""The findings of `moderation doctor`, and how its checks are run."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from moderation.domain.errors import ModerationError

Check = Callable[[], Iterable["Finding"]]


class Level(StrEnum):
    """How urgent a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """The result of one check. `detail` is a sentence; unless the level is ok, it says what to do."""

    check: str
    level: Level
    detail: str


def run_checks(checks: Mapping[str, Check]) -> list[Finding]:
    """Return the findings of all checks. One that cannot be made is a finding itself, and hides no other."""
    return [finding for name, check in checks.items() for finding in _run(name, check)]


def _run(name: str, check: Check) -> list[Finding]:
    try:
        return list(check())
    except ModerationError as error:
        return [Finding(name, Level.PROBLEM, str(error))]
    except OSError as error:
        place = error.filename or "A file"
        return [Finding(name, Level.PROBLEM, f"{place} cannot be examined ({error.strerror}): check its owner.")]
