"""Dynamic batching: films of requests that come at the same time go through the network together."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from hilum.answering.together import Handover, Waiting, give_back
from hilum.inference import Detector
from hilum.inference.engines import BATCH_SIZE
from hilum.pixels import Square
from hilum.records import Film, Prediction

LINGER_SECONDS = 0.1  # that a film waits for others which are being read at the moment
CROWDED_SECONDS = 0.5  # the same where two batches or more are on their way: it would wait for its turn anyway

Announce = Callable[[int, float], None]  # the films of a batch, and the seconds that it took


class _Film(NamedTuple):
    square: Square
    prevalence: float | None
    since: float


_Waiting: TypeAlias = Waiting[_Film, Prediction]


class Batcher:
    """One thread that computes a detector's predictions, a batch at a time.

    A batch is full with half of the films that were on their way (they are being read, or wait here) when its first
    one was taken up, but with at most `BATCH_SIZE`; that one waits for the others up to `LINGER_SECONDS`, where many
    are on their way up to `CROWDED_SECONDS`. A film that is alone waits for nobody.

    The other half is read meanwhile: the films of six who ask in one batch would leave nothing to be read. A film
    in a batch of three costs what it costs in one of eight (`python -m benchmarks.pacs_answering`).
    """

    def __init__(self, detector: Detector, announce: Announce = lambda films, seconds: None) -> None:
        """Start the thread.

        Args:
            detector: computes the predictions.
            announce: is told of each batch, in the thread.
        """
        self._detector, self._announce = detector, announce
        self._handover: Handover[_Film, Prediction] = Handover()
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
        if films < 0:
            self._handover.wake()  # whoever waits for them

    def submit(self, square: Square, prevalence: float | None = None) -> asyncio.Future[Prediction]:
        """Have a film predicted, which was expected; one that is cancelled before its turn is left out.

        Args:
            square: the film, as the bundle's recipe shows it.
            prevalence: as for `Detector.predict`.
        """
        return self._handover.submit(_Film(square, prevalence, time.monotonic()))

    def close(self) -> None:
        """Predict what was submitted, then end."""
        self._handover.end()
        self._thread.join()

    def _run(self) -> None:
        here: deque[_Waiting] = deque()
        more = True
        while more or here:
            more = more and self._collect(here)
            batch = [here.popleft() for _ in range(min(BATCH_SIZE, len(here)))]
            with self._counting:
                self._on_their_way -= len(batch)
            self._predict([each for each in batch if not each.future.cancelled()])

    def _collect(self, here: deque[_Waiting]) -> bool:
        """Wait until there is a batch; gives whether more may come after it."""
        while not here:
            if (several := self._handover.get()) is None:
                return False
            here += several
        full = min(BATCH_SIZE, (self._on_their_way + 1) // 2)
        until = here[0].item.since + (CROWDED_SECONDS if self._on_their_way >= 2 * BATCH_SIZE else LINGER_SECONDS)
        while len(here) < min(full, self._on_their_way):
            try:
                several = self._handover.get(max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if several is None:
                return False
            here += several
        return True

    def _predict(self, batch: list[_Waiting]) -> None:
        by_prevalence = defaultdict(list)
        for each in batch:
            by_prevalence[each.item.prevalence].append(each)
        for prevalence, several in by_prevalence.items():
            began = time.perf_counter()
            try:
                squares = [each.item.square for each in several]
                rows = self._detector.predict_squares([Film("")] * len(several), squares, prevalence)
            except BaseException as error:  # the films' requests are told; the next batch is another one
                give_back(several, error)
                continue
            self._announce(len(several), time.perf_counter() - began)
            give_back(several, rows)
