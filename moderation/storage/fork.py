"""Hooks for the fork of a process, which no open connection may survive."""

import os
from collections.abc import Callable
from weakref import WeakMethod


def call_at_fork(before: Callable[[], None], in_parent: Callable[[], None], in_child: Callable[[], None]) -> None:
    """Call the methods at each fork for as long as their object is alive."""

    def weakly(method: Callable[[], None]) -> Callable[[], None]:
        reference = WeakMethod(method)
        return lambda: (bound := reference()) and bound()

    os.register_at_fork(before=weakly(before), after_in_parent=weakly(in_parent), after_in_child=weakly(in_child))
