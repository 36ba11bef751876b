"""Work that a serving process does in the background, round after round."""

import os
from collections.abc import Callable
from threading import Event, Thread

from moderation.actions.desk import Desk
from moderation.actions.journal import write_line

LONGEST_PAUSE = 60.0
"""Seconds between rounds that fail; a longer pause than this stays as it is."""


class Rounds:
    """Makes rounds in a thread of its own until it is stopped; a process forked meanwhile has its own thread.

    Whatever goes wrong in a round is written to the journal as `trouble`, and the next round comes later. `pause` gives
    the seconds before each round, `patience` how long a round may take to end once it is told to stop.
    """

    def __init__(
        self,
        desk: Desk,
        work: Callable[[Event], object],
        *,
        name: str,
        trouble: str,
        pause: Callable[[], float],
        patience: float,
    ) -> None:
        self._desk = desk
        self._round = work
        self._name = name
        self._trouble = trouble
        self._pause = pause
        self._patience = patience
        self._stopping = Event()
        self._thread: Thread | None = None
        self._forking = False
        self._hooked = False

    def start(self) -> None:
        """Begins, with a pause."""
        if not self._hooked:
            self._hooked = True
            os.register_at_fork(before=self._lie_down, after_in_parent=self._get_up, after_in_child=self._get_up)
        self._stopping = Event()
        self._thread = Thread(target=self._work, args=(self._stopping,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends, after what may be under way: that is `patience` at most. Harmless when it does not run."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(self._patience)
            self._thread = None

    def _work(self, stopping: Event) -> None:
        pause = self._pause()
        while not stopping.wait(pause):
            try:
                self._round(stopping)
                pause = self._pause()
            except Exception as error:  # noqa: BLE001  # no trouble may end the rounds; the journal names it
                pause = max(pause, min(2 * pause, LONGEST_PAUSE))
                write_line(self._desk.clock(), "error", self._trouble, error=error)

    def _lie_down(self) -> None:
        """A fork copies neither the thread nor its connection to the database in any state that can be used."""
        self._forking = self._thread is not None
        if self._forking:
            self.stop()
            self._desk.engine.dispose()

    def _get_up(self) -> None:
        if self._forking:
            self.start()
