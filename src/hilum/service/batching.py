"""Dynamic batching: films of requests that come at the same time go through the network together."""

from __future__ import annotations

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from hilum.inference import Detector
from hilum.inference.engines import BATCH_SIZE
from hilum.pixels import Square
from hilum.records import Film, Prediction

LINGER_SECONDS = 0.1  # that a film waits for others which are being read at the moment
CROWDED_SECONDS = 0.5  # the same where two batches or more are on their way: it would wait for its turn anyway

Announce = Callable[[int, float], None]  # the films of a batch, and the seconds that it took


class _Waiting(NamedTuple):
    square: Square
    prevalence: float | None
    since: float
    future: Future[Prediction]


class Batcher:
    """One thread that computes a detector's predictions, a batch at a time.

    A batch is full with as many films as are on their way (they are being read, or wait here), but at most
    `BATCH_SIZE`; a film waits for the others up to `LINGER_SECONDS`, where many are on their way up to
    `CROWDED_SECONDS`. A film that is alone waits for nobody.
    """

    def __init__(self, detector: Detector, announce: Announce = lambda films, seconds: None) -> None:
        """Start the thread.

        Args:
            detector: computes the predictions.
            announce: is told of each batch, in the thread.
        """
        self._detector, self._announce = detector, announce
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._on_their_way = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="hilum-batching", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still predicts."""
        return self._thread.is_alive()

    def expect(self, films: int) -> None:
        """Say that so many films are on their way, or with a negative number that so many will not come any more."""
        with self._counting:
            self._on_their_way += films

    def submit(self, square: Square, prevalence: float | None = None) -> Future[Prediction]:
        """Have a film predicted, which was expected; one that is cancelled before its turn is left out.

        Args:
            square: the film, as the bundle's recipe shows it.
            prevalence: as for `Detector.predict`.
        """
        future: Future[Prediction] = Future()
        self._waiting.put(_Waiting(square, prevalence, time.monotonic(), future))
        return future

    def close(self) -> None:
        """Predict what was submitted, then end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, more = self._collect(first)
            self.expect(-len(batch))
            self._predict(batch)
            if not more:
                return

    def _collect(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """A batch; and whether more may come."""
        linger = CROWDED_SECONDS if self._on_their_way >= 2 * BATCH_SIZE else LINGER_SECONDS
        batch, until = [first], first.since + linger
        while len(batch) < min(BATCH_SIZE, max(self._on_their_way, self._waiting.qsize() + len(batch))):
            try:
                following = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                return batch, False
            batch.append(following)
        return batch, True

    def _predict(self, batch: list[_Waiting]) -> None:
        by_prevalence = defaultdict(list)
        for film in batch:
            if film.future.set_running_or_notify_cancel():
                by_prevalence[film.prevalence].append(film)
        for prevalence, films in by_prevalence.items():
            began = time.perf_counter()
            try:
                squares = [film.square for film in films]
                rows = self._detector.predict_squares([Film("")] * len(films), squares, prevalence)
            except BaseException as error:  # the films' requests are told; the next batch is another one
                for film in films:
                    film.future.set_exception(error)
                continue
            self._announce(len(films), time.perf_counter() - began)
            for film, row in zip(films, rows, strict=True):
                film.future.set_result(row)
