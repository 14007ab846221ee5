"""One detector for a node's many threads: a film's file in, its answer out, read and predicted with the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from hilum import __version__
from hilum import bundle as bundles
from hilum.answering.heat import explained_class, film_heat
from hilum.answering.line import AnsweringLine
from hilum.answering.names import model_names
from hilum.answering.outline import lung_outline
from hilum.answering.reading import FilmHeader, FilmRead, FilmRefused, ReadFilm, ReadingLimits, ReadingPool
from hilum.errors import FilmError, HilumError
from hilum.inference import Detector
from hilum.pacs.records import AnsweredFilm, DetectorFacts
from hilum.records import Film

PICTURE_SIDE = 1024  # pixels of a capture's longer side, at most

T = TypeVar("T")


class ReadingEndedError(HilumError):
    """The process that read a film was ended: another time it may be read."""


class FilmHeat(NamedTuple):
    """What a capture is drawn from; both are of the film's proportions, and of the same size.

    Attributes:
        heat: (height, width) float32, 0 to 1, on the whole film; 0 outside what the detector was shown.
        picture: (height, width) uint8, the film as `hilum.pixels.decode` shows it.
    """

    heat: NDArray[np.float32]
    picture: NDArray[np.uint8]


class Answerer:
    """Answers films for any number of threads; each call waits for its own film.

    Films are read in processes of their own, with bounded time and memory; one that ends its process is not judged,
    with the reason, and every other film goes on.
    """

    def __init__(
        self,
        bundle: Path | str = "shipped",
        workers: int = 0,
        limits: ReadingLimits | None = None,
        trusted: Path | str | None = None,
    ) -> None:
        """Open the bundle and start the processes that read films; the first film waits for them.

        Args:
            bundle: a folder, or `shipped`.
            workers: processes that read films; 0 for one a processor.
            limits: for each film.
            trusted: as for `Detector`.

        Raises:
            BundleError: as for `Detector`.
            RequestError: as for `Detector`.
        """
        opened = bundles.read(bundle, trusted)
        pool = ReadingPool([opened], workers, limits)  # the processes open it meanwhile
        try:
            self._detector = detector = Detector(opened, threads=1)
        except BaseException:
            pool.close()
            raise
        (name,) = model_names([detector])
        rule = detector.spec.operating_point.rule
        self.facts = DetectorFacts(
            name, __version__, detector.spec.seal, rule, detector.classes, detector.threshold()
        )
        self._line = AnsweringLine([detector], pool)
        self._padded = detector.spec.recipe.pixels.resize == "pad"
        self._explaining = threading.Lock()  # a heat map may take dozens of forward passes
        self._taking, self._closed = threading.Condition(), False
        self._taken = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hilum-answering", daemon=True)
        self._thread.start()

    @property
    def restarts(self) -> int:
        """How many processes were started again because a film had ended them."""
        return self._line.pool.restarts

    def answer(self, path: Path) -> tuple[AnsweredFilm, FilmHeader]:
        """Answer a film, and what it says of itself; one that cannot be read is not judged.

        One whose process was ended says `retry`: whoever keeps answers asks again first, some time later.

        Args:
            path: the film; its name is in no message.

        Raises:
            HilumError: the answerer is closed, or no process that reads films can be started.
        """
        row, header, square, retry = self._wait_for(self._line.answer(path))
        named = replace(row, film=Film("", age=header.age, sex=header.sex, view=header.view))
        if square is None:
            return AnsweredFilm(named, retry=retry), header
        return AnsweredFilm(named, lung_outline(square, padded=self._padded), square.region), header

    def heat(self, path: Path) -> FilmHeat:
        """Where on a film the answer comes from, with a picture of the film, at most `PICTURE_SIDE` on a side.

        It explains the positive class of two, whatever the answer is; of several classes the predicted one.

        Args:
            path: the film.

        Raises:
            FilmError: it cannot be read.
            ReadingEndedError: the process that read it was ended, for time or memory or because it crashed.
            HilumError: as for `answer`.
        """
        reply = self._wait_for(self._line.ask(ReadFilm(str(path), 0, PICTURE_SIDE)))
        if not isinstance(reply, FilmRead):
            refused = reply if isinstance(reply, FilmRefused) else FilmRefused("it could not be read")
            if refused.retry:
                raise ReadingEndedError(f"the film {refused.reason}")
            raise FilmError("the film", refused.reason)
        square, picture = reply.square(), reply.film_picture()
        with self._explaining:
            prediction = ""
            if len(self.facts.classes) > 2:
                (row,) = self._detector.predict_squares([Film("")], [square])
                prediction = row.prediction
            target = explained_class(self.facts.classes, prediction)
            return FilmHeat(film_heat(self._detector, square, target, max(picture.shape)), picture)

    def close(self) -> None:
        """Refuse further films, answer those that were taken, then end every process and thread."""
        with self._taking:
            if self._closed:
                return
            self._closed = True
            self._taking.wait_for(lambda: not self._taken)
        self._line.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of work in the loop; a thread that is interrupted while it waits takes the work back."""
        with self._taking:
            if self._closed:
                work.close()
                raise HilumError("the node is stopping and answers no further films")
            self._taken += 1
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            with suppress(RuntimeError):
                future.cancel()
            raise
        finally:
            with self._taking:
                self._taken -= 1
                self._taking.notify_all()
