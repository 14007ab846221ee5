"""From a film's file to its answer: a bounded number of requests, read in processes, predicted in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from hilum.answering.batching import Batcher
from hilum.answering.reading import (
    FilmHeader,
    FilmLocated,
    FilmRead,
    FilmShown,
    FilmsUnpacked,
    LocateFilm,
    ReadFilm,
    ReadingPool,
    Refused,
    ShowFilm,
    UnpackFilms,
)
from hilum.answering.reading.messages import Reply, Request
from hilum.errors import FilmError
from hilum.inference import Detector
from hilum.records import Film, Prediction
from hilum.service.metrics import Metrics
from hilum.service.problems import Problem

_ARRIVING = 4  # requests whose films still arrive, for each one that the queue has room for
_LONGEST_WAIT = 60  # seconds that a client is asked to wait at most


class Answered(NamedTuple):
    """A film's answer.

    Attributes:
        row: the prediction.
        header: what the film says of itself.
    """

    row: Prediction
    header: FilmHeader


class Pipeline:
    """Detectors, ready to answer films of many requests at once.

    Attributes:
        detectors: in the order of the bundles.
        pool: the processes that read films.
        metrics: counts what happens.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        pool: ReadingPool,
        metrics: Metrics,
        queue_size: int = 64,
        deadline: float = 60.0,
    ) -> None:
        """Start the threads that predict.

        Args:
            detectors: one for each bundle.
            pool: reads films for these bundles; it is closed with the pipeline.
            metrics: counts what happens.
            queue_size: requests that are worked on or wait; others are told to come again.
            deadline: seconds that a request may take once its films have arrived.
        """
        self.detectors, self.metrics = tuple(detectors), metrics
        self.queue_size, self.deadline = queue_size, deadline
        self.pool = pool
        self._batchers = [Batcher(each, metrics.announce_batch) for each in detectors]
        self._reading = asyncio.Semaphore(4 * self.pool.workers)  # films in the processes and before them
        self._requests = self._arriving = 0
        self._seconds = 0.1  # of a film, smoothed

    @property
    def ready(self) -> bool:
        """Whether films can be answered."""
        return self.pool.alive and all(each.alive for each in self._batchers)

    @property
    def full(self) -> bool:
        """Whether a further request would be refused."""
        return self._requests >= self.queue_size

    @asynccontextmanager
    async def arriving(self) -> AsyncIterator[None]:
        """Receive a request's films in this block; they take no place in the queue, however slowly they come.

        Raises:
            Problem: 503 with Retry-After where the queue is full, or many others send films.
        """
        if self.full or self._arriving >= _ARRIVING * self.queue_size:
            raise self._busy()
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Work on a request in this block.

        Raises:
            Problem: 503 with Retry-After where the queue is full.
        """
        if self.full:
            raise self._busy()
        self._requests += 1
        self.metrics.in_flight.set(self._requests)
        try:
            yield
        finally:
            self._requests -= 1
            self.metrics.in_flight.set(self._requests)

    def _busy(self) -> Problem:
        wait = max(1, min(_LONGEST_WAIT, round(self._requests * self._seconds)))
        detail = f"the service works on as many requests as it can; send yours again in {wait} s"
        return Problem(503, detail, {"Retry-After": str(wait)})

    @asynccontextmanager
    async def within_deadline(self) -> AsyncIterator[None]:
        """Answer a request's films in this block.

        Raises:
            Problem: 504 where it takes longer than the deadline.
        """
        try:
            async with asyncio.timeout(self.deadline):
                yield
        except TimeoutError:
            raise Problem(
                504, f"the films were not answered within {self.deadline:g} s; send fewer, or send them again later"
            ) from None

    async def answer(self, path: Path, bundle: int, prevalence: float | None) -> Answered:
        """Answer one film; one that cannot be read is not judged.

        Args:
            path: a file of the service's own.
            bundle: the number of the detector.
            prevalence: as for `Detector.predict`.
        """
        began = time.perf_counter()
        batcher = self._batchers[bundle]
        batcher.expect(1)
        try:
            reply = await self._send(ReadFilm(str(path), bundle))
            square = reply.square() if isinstance(reply, FilmRead) else None
        except BaseException:
            batcher.expect(-1)
            raise
        self.metrics.reading_seconds.observe(time.perf_counter() - began)
        self.metrics.restarts.set(self.pool.restarts)
        if square is None or not isinstance(reply, FilmRead):
            batcher.expect(-1)
            reason = reply.reason if isinstance(reply, Refused) else "it could not be read"
            unread = [FilmError("", reason)]
            return Answered(self.detectors[bundle].predict_squares([Film("")], unread, prevalence)[0], FilmHeader())
        row = await batcher.submit(square, prevalence)
        self._seconds += 0.1 * ((time.perf_counter() - began) / max(1, self._requests) - self._seconds)
        return Answered(row, reply.header)

    async def show(self, path: Path) -> FilmShown:
        """A film's pixels for a viewer.

        Raises:
            Problem: 422 where it cannot be read.
        """
        reply = await self._ask(ShowFilm(str(path)))
        assert isinstance(reply, FilmShown)
        return reply

    async def locate(self, path: Path, bundle: int) -> FilmLocated:
        """A film as a detector is shown it, with the part of the film that this is.

        Raises:
            Problem: as `show`.
        """
        reply = await self._ask(LocateFilm(str(path), bundle))
        assert isinstance(reply, FilmLocated)
        return reply

    async def unpack(self, path: Path, most: int) -> FilmsUnpacked | Refused:
        """The films of an archive, at most so many; or why they cannot be read."""
        reply = await self._send(UnpackFilms(str(path), most))
        assert isinstance(reply, FilmsUnpacked | Refused)
        return reply

    async def _ask(self, request: Request) -> Reply:
        reply = await self._send(request)
        if isinstance(reply, Refused):
            raise Problem(422, f"the film could not be read: {reply.reason}")
        return reply

    async def _send(self, request: Request) -> Reply:
        """A reading process's reply; whoever stops waiting takes the request back where it has not begun."""
        async with self._reading:
            return await asyncio.wrap_future(self.pool.submit(request))

    def close(self) -> None:
        """Finish what was begun, then end every process and thread."""
        self.pool.close()
        for batcher in self._batchers:
            batcher.close()
