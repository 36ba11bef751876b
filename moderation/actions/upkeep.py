"""What a serving process sees to every few minutes: that sites get the lines they have earned."""

import random
from collections.abc import Callable
from threading import Event

from moderation.actions.desk import Desk
from moderation.actions.rounds import Rounds
from moderation.actions.standing import renew_all

_PAUSE = 300.0


class Upkeep(Rounds):
    """Draws the lines that are due, in a thread of its own.

    The pauses, of `pause` seconds, are stretched or cut by up to a half, by `chance` within 0 and 1: several processes
    do not all look at the same moment.
    """

    def __init__(self, desk: Desk, *, pause: float = _PAUSE, chance: Callable[[], float] = random.random) -> None:
        super().__init__(
            desk,
            self._renew,
            name="upkeep",
            trouble="a round of drawing lines failed",
            pause=lambda: pause * (0.5 + chance()),
            patience=10.0,
        )

    def _renew(self, stopping: Event) -> None:
        renew_all(self._desk, stopping)
