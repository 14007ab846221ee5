"""The store as the service uses it: from asyncio, and in one transaction for films that come at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hilum.answering.together import Together
from hilum.store import NewPrediction, PredictionKey, Store, StoredPrediction

P = ParamSpec("P")
R = TypeVar("R")


class Archive:
    """A store with a thread that looks answers up and one that writes them, each for all films that wait.

    Attributes:
        store: for everything else; its calls block.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        finding: Together[PredictionKey, StoredPrediction | None]
        finding = Together("hilum-finding", lambda keys: store.predictions.find_many(keys))
        writing: Together[NewPrediction, StoredPrediction]
        writing = Together("hilum-archive", lambda new: store.predictions.put_many(new))
        self._finding, self._writing = finding, writing

    async def find(self, key: PredictionKey) -> StoredPrediction | None:
        """The answer to the same request; None where there is none.

        Raises:
            StoreError: the database does not answer.
        """
        return await self._finding.submit(key)

    async def put(self, new: NewPrediction) -> StoredPrediction:
        """Store an answer; once this returns, it is on the disk.

        Raises:
            StoreError: the database does not answer or is full.
        """
        return await asyncio.shield(self._writing.submit(new))  # what was begun is stored, whoever has gone away

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method of the store in another thread."""
        return await asyncio.to_thread(function, *args, **kwargs)

    def close(self) -> None:
        """Write what waits, then end; the store stays open."""
        self._finding.close()
        self._writing.close()
