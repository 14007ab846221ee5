"""From a film's file to its answer: read in a process of its own, predicted in a batch with whatever else comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from hilum.answering.batching import Announce, Batcher
from hilum.answering.reading import FilmHeader, FilmRead, FilmRefused, ReadFilm, ReadingPool
from hilum.answering.reading.messages import Reply, Request
from hilum.errors import FilmError
from hilum.inference import Detector
from hilum.pixels import Square
from hilum.records import Film, Prediction


class LineAnswer(NamedTuple):
    """A film's answer.

    Attributes:
        row: the prediction; `not judged` where the film could not be read.
        header: what the film says of itself.
        square: what the detector was shown; None where the film could not be read.
        retry: whether the film may get another answer another time: the process that read it was ended, for time or
            memory or because it crashed. How busy a machine is decides that too: it is no property of the film.
    """

    row: Prediction
    header: FilmHeader
    square: Square | None
    retry: bool = False


class AnsweringLine:
    """Detectors and the processes that read films for them, from asyncio.

    Attributes:
        detectors: in the order of the bundles.
        pool: the processes that read films.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        pool: ReadingPool,
        announce_batch: Announce = lambda films, seconds: None,
        announce_read: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """Start the threads that predict.

        Args:
            detectors: one for each bundle.
            pool: reads films for these bundles; it is closed with the line.
            announce_batch: is told of each batch, in a thread.
            announce_read: is told how many seconds each film that a process has answered took to read, its time in
                the queue included.
        """
        self.detectors, self.pool = tuple(detectors), pool
        self._announce_read = announce_read
        self._batchers = [Batcher(each, announce_batch) for each in detectors]
        self._reading = asyncio.Semaphore(4 * pool.workers)  # films in the processes and before them

    @property
    def ready(self) -> bool:
        """Whether films can be answered."""
        return self.pool.alive and all(each.alive for each in self._batchers)

    async def answer(self, path: Path, bundle: int = 0, prevalence: float | None = None) -> LineAnswer:
        """Answer one film; one that cannot be read is not judged.

        Args:
            path: a file of the caller's own.
            bundle: the number of the detector.
            prevalence: as for `Detector.predict`.

        Raises:
            HilumError: no process that reads films can be started.
        """
        batcher, began = self._batchers[bundle], time.perf_counter()
        batcher.expect(1)
        try:
            reply = await self.ask(ReadFilm(str(path), bundle))
            square = reply.square() if isinstance(reply, FilmRead) else None
        except BaseException:
            batcher.expect(-1)
            raise
        self._announce_read(time.perf_counter() - began)
        if square is None or not isinstance(reply, FilmRead):
            batcher.expect(-1)
            refused = reply if isinstance(reply, FilmRefused) else FilmRefused("it could not be read")
            unread = [FilmError("", refused.reason)]
            (row,) = self.detectors[bundle].predict_squares([Film("")], unread, prevalence)
            return LineAnswer(row, FilmHeader(), None, refused.retry)
        return LineAnswer(await batcher.submit(square, prevalence), square.header, square)

    async def ask(self, request: Request) -> Reply:
        """A reading process's reply; whoever stops waiting takes the request back where it has not begun.

        Raises:
            HilumError: no process that reads films can be started.
        """
        async with self._reading:
            return await asyncio.wrap_future(self.pool.submit(request))

    def close(self) -> None:
        """Finish what was begun, then end every process and thread."""
        self.pool.close()
        for batcher in self._batchers:
            batcher.close()
