"""Where the thread of one of pynetdicom's associations stops, so that it takes no other thread's answer."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pynetdicom.association import Association

_LOOK_SECONDS = 0.05


def guard_answers(association: Association) -> None:
    """Have an association that was asked for leave the answers to those who wait for them.

    Args:
        association: before anything is sent by it.
    """
    association._reactor_checkpoint = ReactorGate(association.is_alive)  # type: ignore[assignment]


class ReactorGate:
    """Takes the place of an association's event of that name.

    That event may be passed at the very moment at which it is cleared: then the association's thread takes the
    answer to what is sent next, drops it, and who sent it waits until its time is over. On a busy machine that
    happened to one result in some hundred. Here `clear` returns once the thread stands still.
    """

    def __init__(self, is_alive: Callable[[], bool]) -> None:
        """Be open.

        Args:
            is_alive: whether the association's thread still runs.
        """
        self._is_alive = is_alive
        self._changed = threading.Condition()
        self._open, self._stands = True, False

    def wait(self) -> None:
        """Of the association's thread: go on, or stand still until `set`."""
        with self._changed:
            self._stands = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            self._stands = False

    def clear(self) -> None:
        """Have the thread stand still; it does when this returns, or has ended."""
        with self._changed:
            self._open = False
            while not self._stands and self._is_alive():
                self._changed.wait(_LOOK_SECONDS)

    def set(self) -> None:
        """Let the thread go on."""
        with self._changed:
            self._open = True
            self._changed.notify_all()
