"""Work that is cheaper for many at a time: a thread that is given whatever waits, from asyncio."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Waiting(NamedTuple, Generic[T, R]):
    """An item, and who waits for what becomes of it.

    Attributes:
        item: what is worked on.
        future: of the loop that handed it in.
    """

    item: T
    future: asyncio.Future[R]


class Handover(Generic[T, R]):
    """Items from asyncio to a thread, and results back: those of one turn of the loop go over together.

    A thread that the first of eight items wakes would begin with that one alone, and a loop that the first of eight
    results wakes would answer that one alone.
    """

    def __init__(self) -> None:
        self._handed: list[Waiting[T, R]] = []
        self._waiting: queue.SimpleQueue[list[Waiting[T, R]] | None] = queue.SimpleQueue()

    def submit(self, item: T) -> asyncio.Future[R]:
        """Hand an item over; called in the loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        if not self._handed:
            loop.call_soon(self._flush)
        self._handed.append(Waiting(item, future))
        return future

    def get(self, timeout: float | None = None) -> list[Waiting[T, R]] | None:
        """In the thread: what was handed over, also what nobody waits for any more; None at the end.

        Raises:
            queue.Empty: none was, in so many seconds.
        """
        return self._waiting.get(timeout=timeout)

    def wake(self) -> None:
        """Have `get` give an empty list, for whoever waits for items that will not come."""
        self._waiting.put([])

    def end(self) -> None:
        """Have `get` give None, once it has given everything else."""
        self._waiting.put(None)

    def _flush(self) -> None:
        handed, self._handed = self._handed, []
        self._waiting.put(handed)


def give_back(several: Sequence[Waiting[T, R]], results: Sequence[R] | BaseException) -> None:
    """In the thread: give results, or an error, to those who wait for them."""

    def give() -> None:
        for place, each in enumerate(several):
            if each.future.done():  # nobody waits any more
                continue
            if isinstance(results, BaseException):
                each.future.set_exception(results)
            else:
                each.future.set_result(results[place])

    if several:
        with suppress(RuntimeError):  # the loop has ended
            several[0].future.get_loop().call_soon_threadsafe(give)


class Together(Generic[T, R]):
    """A thread that calls a function for all items that wait: the next ones come together while it works."""

    def __init__(self, name: str, work: Callable[[Sequence[T]], Sequence[R]], most: int = 64) -> None:
        """Start the thread.

        Args:
            name: of the thread.
            work: gives a result for each item, or raises.
            most: items at a time.
        """
        self._work, self._most = work, most
        self._handover: Handover[T, R] = Handover()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: T) -> asyncio.Future[R]:
        """Have an item worked on; one that is cancelled before its turn is left out."""
        return self._handover.submit(item)

    def close(self) -> None:
        """Work on what was submitted, then end."""
        self._handover.end()
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._handover.get()) is not None:
            ended = False
            while len(batch) < self._most and not ended:
                try:
                    following = self._handover.get(0)
                except queue.Empty:
                    break
                ended = following is None
                batch += following or []
            for place in range(0, len(batch), self._most):
                self._finish(batch[place : place + self._most])
            if ended:
                return

    def _finish(self, several: list[Waiting[T, R]]) -> None:
        batch = [each for each in several if not each.future.cancelled()]
        if not batch:
            return
        try:
            results = self._work([each.item for each in batch])
        except BaseException as error:
            if len(batch) > 1:  # one that fails takes no other with it
                for each in batch:
                    self._finish([each])
                return
            give_back(batch, error)
            return
        give_back(batch, results)
