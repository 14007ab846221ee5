"""From a film's file to its answer: a bounded number of requests, read in processes, predicted in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from hilum.answering.line import AnsweringLine, LineAnswer
from hilum.answering.reading import (
    FilmRead,
    FilmRefused,
    FilmShown,
    FilmsUnpacked,
    ReadFilm,
    ReadingPool,
    ShowFilm,
    UnpackFilms,
)
from hilum.answering.reading.messages import Reply, Request
from hilum.inference import Detector
from hilum.pixels import Square
from hilum.service.metrics import Metrics
from hilum.service.problems import Problem

_ARRIVING = 4  # requests whose films still arrive, for each one that the queue has room for
_LONGEST_WAIT = 60  # seconds that a client is asked to wait at most


class Pipeline:
    """Detectors, ready to answer films of many requests at once.

    Attributes:
        detectors: in the order of the bundles.
        line: reads films in processes of their own, and predicts them in batches.
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
        self.line = AnsweringLine(detectors, pool, metrics.announce_batch, self._count_read)
        self._requests = self._arriving = 0
        self._seconds = 0.1  # of a film, smoothed

    @property
    def ready(self) -> bool:
        """Whether films can be answered."""
        return self.line.ready

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

    async def answer(self, path: Path, bundle: int, prevalence: float | None) -> LineAnswer:
        """Answer one film; one that cannot be read is not judged.

        Args:
            path: a file of the service's own.
            bundle: the number of the detector.
            prevalence: as for `Detector.predict`.
        """
        began = time.perf_counter()
        answer = await self.line.answer(path, bundle, prevalence)
        if answer.square is not None:
            self._seconds += 0.1 * ((time.perf_counter() - began) / max(1, self._requests) - self._seconds)
        return answer

    def _count_read(self, seconds: float) -> None:
        self.metrics.reading_seconds.observe(seconds)
        self.metrics.restarts.set(self.line.pool.restarts)

    async def show(self, path: Path) -> FilmShown:
        """A film's pixels for a viewer.

        Raises:
            Problem: 422 where it cannot be read.
        """
        reply = await self._ask(ShowFilm(str(path)))
        assert isinstance(reply, FilmShown)
        return reply

    async def read(self, path: Path, bundle: int) -> Square:
        """A film as a detector is shown it, to explain its answer.

        Raises:
            Problem: as `show`.
        """
        reply = await self._ask(ReadFilm(str(path), bundle))
        assert isinstance(reply, FilmRead)
        return reply.square()

    async def unpack(self, path: Path, most: int) -> FilmsUnpacked | FilmRefused:
        """The films of an archive, at most so many; or why they cannot be read."""
        reply = await self.line.ask(UnpackFilms(str(path), most))
        assert isinstance(reply, FilmsUnpacked | FilmRefused)
        return reply

    async def _ask(self, request: Request) -> Reply:
        reply = await self.line.ask(request)
        if isinstance(reply, FilmRefused):
            raise Problem(422, f"the film could not be read: {reply.reason}")
        return reply

    def close(self) -> None:
        """Finish what was begun, then end every process and thread."""
        self.line.close()
