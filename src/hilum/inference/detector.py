"""A bundle and films in, probabilities out; no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from hilum import bundle, confidence
from hilum.errors import BundleError, FilmError, RequestError
from hilum.inference.engines import BATCH_SIZE, EngineName, Precision
from hilum.inference.network import judge_of
from hilum.machine import processors
from hilum.pixels import Square, read_square
from hilum.progress import track
from hilum.records import Film, Manifest, Prediction, Predictions
from hilum.workers import map_batches

if TYPE_CHECKING:
    from hilum.gate import Gate

SHIPPED = Path(__file__).parents[1] / "shipped"


class Detector:
    """A network, or a system without one, ready to read films.

    Attributes:
        folder: its bundle's.
        spec: what its bundle says about itself.
        gate: what films it was made for; None where the bundle does not say.
        engine: what computes the network, by `name` and `precision`; None where there is no network.
        note: a line for a person where that is not what was asked for; else empty.
    """

    def __init__(
        self,
        folder: Path | str = SHIPPED,
        threads: int = 0,
        engine: EngineName | Literal["auto"] = "onnx",
        precision: Precision | Literal["auto"] = "float32",
    ) -> None:
        """Open a bundle, check it, and load what judges films in it.

        Args:
            folder: the bundle; without one, the one that ships with Hilum.
            threads: for everything; 0 takes every processor.
            engine: what computes the network; `auto` the one that was fastest when this machine was measured.
            precision: what it computes in; `auto` the fastest that holds what it has to
                (`hilum.inference.engine_selection`).

        Raises:
            BundleError: the bundle is incomplete or was changed, or this machine computes something else with it.
            RequestError: the engine is not installed or knows no such precision, or the bundle has no int8 network,
                or none at all.
        """
        opened = bundle.read(folder)
        self.folder = opened.folder
        self.spec = opened.spec
        self.gate = _gate_of(opened)
        self._threads = threads or processors()
        self._judge, self.engine, self.note = judge_of(opened, self._threads, engine, precision)
        self._check_golden(opened)

    def _check_golden(self, opened: bundle.Bundle) -> None:
        """Raise BundleError where generated films get other probabilities than where the bundle was made."""
        name, precision = (self.engine.name, self.engine.precision) if self.engine else ("", "float32")
        golden = opened.int8_record if precision == "int8" else opened.golden
        try:
            bundle.check_golden(golden, self.spec.recipe.pixels, self.probs)
        except BundleError as error:
            if precision == "float32":
                raise
            raise BundleError(
                f"{opened.folder}: {name} in {precision} gives generated films probabilities that lie more than "
                f"{bundle.TOLERANCE:g} from the bundle's; take --precision float32"
            ) from error

    def probs(self, films: np.ndarray) -> np.ndarray:
        """Probabilities of preprocessed films.

        Args:
            films: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            (n, classes) float64, in the order of `spec.classes`, calibrated as the bundle says.
        """
        if len(films) <= BATCH_SIZE:
            return self._judged(films)[0]
        return np.stack(list(map_batches(lambda some: self._judged(some)[0], films, BATCH_SIZE, self._threads)))

    def _judged(self, squares: Sequence[np.ndarray] | np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Probabilities of some films, by one processor, and of each what was not found in it."""
        given, notes = self._judge.judge(np.asarray(squares))
        return confidence.calibrated(self.spec.calibration, given), notes

    def predict(self, films: Manifest, prevalence: float | None = None) -> Predictions:
        """Read and judge films; one that cannot be read gets a row that says why, and the others go on.

        A film's label in its row is what the bundle's recipe takes for it: `label`, or `subtype`.

        Args:
            films: what to judge.
            prevalence: the share of positive films, between 0 and 1, where they come from: probabilities, and the
                threshold with them, are corrected from validation's share to it (`confidence.correct_prior`), so that
                the same films are called positive. None leaves them.

        Raises:
            RequestError: a prevalence, and the bundle has more than two classes or does not say what its own was.
        """
        rows = track(self.stream(films, prevalence), "reading films", len(films))
        return Predictions(self.spec.classes, self.threshold(prevalence), tuple(rows))

    def stream(self, films: Iterable[Film], prevalence: float | None = None) -> Iterator[Prediction]:
        """The same, row by row in the films' order, for any number of films: a few are in memory at a time.

        Args:
            films: what to judge; they are taken as they are needed.
            prevalence: as for `predict`.

        Raises:
            RequestError: as `predict`, at once.
        """
        threshold, corrected = self.threshold(prevalence), self._corrected_to(prevalence)
        rows = partial(self._rows, threshold=threshold, corrected=corrected)
        return map_batches(rows, films, BATCH_SIZE, self._threads)

    def threshold(self, prevalence: float | None = None) -> float | None:
        """From which probability of the positive class on it is predicted; None with more than two classes.

        Raises:
            RequestError: as `predict`.
        """
        corrected, threshold = self._corrected_to(prevalence), self.spec.operating_point.threshold
        return None if threshold is None else float(corrected(np.array([[1 - threshold, threshold]]))[0, 1])

    def _rows(
        self, films: list[Film], threshold: float | None, corrected: Callable[[np.ndarray], np.ndarray]
    ) -> list[Prediction]:
        """Some films from their files to their rows, by one processor."""
        read = [self._read(film) for film in films]
        readable = [square.levels for square in read if isinstance(square, Square)]
        given, notes = self._judged(readable) if readable else (np.zeros((0, len(self.spec.classes))), ())
        judged = zip(corrected(given), self._plausible(given), self._flags(readable, notes), strict=True)
        rows: list[Prediction] = []
        for film, square in zip(Manifest(tuple(films)).labelled_by(self.spec.recipe.labels), read, strict=True):
            if isinstance(square, FilmError):
                rows.append(Prediction(film, error=square.reason))
                continue
            probs, plausible, flags = next(judged)
            row = tuple(map(float, probs))
            height, width = square.shape
            called = self.spec.classes[self.choose(row, threshold)]
            rows.append(Prediction(film, row, called, "", (height, width), plausible, flags))
        return rows

    def _read(self, film: Film) -> Square | FilmError:
        try:
            return read_square(film.path, self.spec.recipe.pixels)
        except FilmError as error:
            return error

    def _plausible(self, probs: np.ndarray) -> list[tuple[str, ...]]:
        """Each film's prediction set, by the classes' names."""
        if self.spec.conformal is None:
            return [()] * len(probs)
        return [
            tuple(name for name, inside in zip(self.spec.classes, row, strict=True) if inside)
            for row in confidence.prediction_sets(self.spec.conformal, probs)
        ]

    def _flags(self, squares: list[np.ndarray], notes: Sequence[str]) -> list[tuple[str, ...]]:
        """Why each film is not one that the detector was made for, and what was not found in it."""
        reasons: Sequence[str] = [""] * len(squares)
        if self.gate is not None and squares:
            from hilum.gate import check_films

            reasons = check_films(self.gate, squares).reasons
        return [tuple(str(why) for why in both if why) for both in zip(reasons, notes, strict=True)]

    def _corrected_to(self, prevalence: float | None) -> Callable[[np.ndarray], np.ndarray]:
        """What makes probabilities those of films of which such a share is positive."""
        if prevalence is None:
            return lambda probs: probs
        if self.spec.scores is None or len(self.spec.classes) > 2:
            raise RequestError(
                "this bundle's probabilities cannot be corrected for a prevalence: "
                + ("it has more than two classes" if self.spec.scores else "it does not say what validation's was")
            )
        old, new = self.spec.scores.prior, (1 - prevalence, prevalence)
        return lambda probs: confidence.correct_prior(probs, old, new) if len(probs) else probs

    @staticmethod
    def choose(probs: Sequence[float], threshold: float | None) -> int:
        """Of two classes the positive one from the threshold on; of more the most probable."""
        return int(np.argmax(probs) if threshold is None else probs[1] >= threshold)


def _gate_of(opened: bundle.Bundle) -> Gate | None:
    """What films a bundle was made for; OpenCV is loaded where it says so, and only there."""
    if opened.gate is None:
        return None
    from hilum.gate import read_gate

    return read_gate(opened.gate)
