"""The store as the service uses it: from asyncio, and with one commit for answers that come at the same time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple, ParamSpec, TypeVar

from hilum.store import NewPrediction, Store, StoredPrediction

P = ParamSpec("P")
R = TypeVar("R")

_MOST_AT_ONCE = 64  # answers in a commit


class _Waiting(NamedTuple):
    new: NewPrediction
    future: Future[StoredPrediction]


class Archive:
    """A store with a thread that writes answers, all that wait in one transaction.

    Attributes:
        store: for everything else; its calls block.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="hilum-archive", daemon=True)
        self._thread.start()

    async def put(self, new: NewPrediction) -> StoredPrediction:
        """Store an answer; once this returns, it is on the disk.

        Raises:
            StoreError: the database does not answer or is full.
        """
        future: Future[StoredPrediction] = Future()
        self._waiting.put(_Waiting(new, future))
        return await asyncio.shield(asyncio.wrap_future(future))  # what was begun is stored, whoever has gone away

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method of the store in another thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    def close(self) -> None:
        """Write what waits, then end; the store stays open."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, more = [first], True
            while more and len(batch) < _MOST_AT_ONCE:
                try:
                    following = self._waiting.get_nowait()
                except queue.Empty:
                    break
                more = following is not None
                if following is not None:
                    batch.append(following)
            self._write(batch)
            if not more:
                return

    def _write(self, batch: list[_Waiting]) -> None:
        try:
            rows = self.store.predictions.put_many([each.new for each in batch])
        except BaseException as error:
            if len(batch) > 1:  # one that cannot be stored takes no other with it
                for each in batch:
                    self._write([each])
                return
            batch[0].future.set_exception(error)
            return
        for each, row in zip(batch, rows, strict=True):
            each.future.set_result(row)
