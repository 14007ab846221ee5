"""The store as the service uses it: from asyncio, and in one transaction for films that come at the same time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, NamedTuple, ParamSpec, TypeVar

from hilum.store import NewPrediction, PredictionKey, Store, StoredPrediction

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_MOST_AT_ONCE = 64  # films in a transaction


class Archive:
    """A store with a thread that looks answers up and one that writes them, each for all films that wait.

    Attributes:
        store: for everything else; its calls block.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._finding = _Together("hilum-finding", store.predictions.find_many)
        self._writing = _Together("hilum-archive", store.predictions.put_many)

    async def find(self, key: PredictionKey) -> StoredPrediction | None:
        """The answer to the same request; None where there is none.

        Raises:
            StoreError: the database does not answer.
        """
        return await asyncio.wrap_future(self._finding.submit(key))

    async def put(self, new: NewPrediction) -> StoredPrediction:
        """Store an answer; once this returns, it is on the disk.

        Raises:
            StoreError: the database does not answer or is full.
        """
        writing = asyncio.wrap_future(self._writing.submit(new))
        return await asyncio.shield(writing)  # what was begun is stored, whoever has gone away

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method of the store in another thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    def close(self) -> None:
        """Write what waits, then end; the store stays open."""
        self._finding.close()
        self._writing.close()


class _Waiting(NamedTuple, Generic[T, R]):
    item: T
    future: Future[R]


class _Together(Generic[T, R]):
    """A thread that calls a function for all items that wait: the next ones come together while it works."""

    def __init__(self, name: str, work: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[_Waiting[T, R] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: T) -> Future[R]:
        """Have an item worked on; one that is cancelled before its turn is left out."""
        future: Future[R] = Future()
        self._waiting.put(_Waiting(item, future))
        return future

    def close(self) -> None:
        """Work on what was submitted, then end."""
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
            self._finish([each for each in batch if each.future.set_running_or_notify_cancel()])
            if not more:
                return

    def _finish(self, batch: list[_Waiting[T, R]]) -> None:
        if not batch:
            return
        try:
            results = self._work([each.item for each in batch])
        except BaseException as error:
            if len(batch) > 1:  # one that fails takes no other with it
                for each in batch:
                    self._finish([each])
                return
            batch[0].future.set_exception(error)
            return
        for each, result in zip(batch, results, strict=True):
            each.future.set_result(result)
