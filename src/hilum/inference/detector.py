"""A bundle and films in, probabilities out; no torch."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hilum import bundle as bundles
from hilum import confidence
from hilum.errors import BundleError, FilmError, RequestError
from hilum.inference.engines import BATCH_SIZE, EngineName, Precision
from hilum.inference.film_items import Films, film_items
from hilum.inference.predictor import open_predictor
from hilum.machine import processors
from hilum.pixels import Square, read_square, square_of
from hilum.progress import track
from hilum.records import Film, Manifest, Prediction, Predictions, html_table
from hilum.workers import map_batches

if TYPE_CHECKING:
    from hilum.gate import Gate

_Item = tuple[Film, NDArray[np.generic] | None]  # a film, with its pixel values where they are in memory


class Detector:
    """A network, or a system without one, ready to read films.

    >>> detector = Detector()
    >>> detector.classes
    ('NORMAL', 'PNEUMONIA')
    >>> import numpy as np
    >>> levels = np.random.default_rng(0).integers(0, 256, (256, 256)).astype(np.uint8)
    >>> detector.predict(levels).rows[0].flags  # noise is no film
    ('looks like noise',)

    It pickles as its bundle's path and options, so that processes of joblib or `multiprocessing` open it anew.

    Attributes:
        folder: its bundle's.
        spec: what its bundle says about itself.
        gate: what films it was made for; None where the bundle does not say.
        engine: what computes the network, by `name` and `precision`; None where there is no network.
        note: a line for a person where that is not what was asked for; else empty.
    """

    def __init__(
        self,
        bundle: Path | str = "shipped",
        threads: int = 0,
        engine: EngineName | Literal["auto"] = "onnx",
        precision: Precision | Literal["auto"] = "float32",
    ) -> None:
        """Open a bundle, check it, and load what computes its probabilities.

        Args:
            bundle: its folder, or `shipped` for the one that comes with Hilum.
            threads: for everything; 0 takes every processor.
            engine: what computes the network; `auto` the one that was fastest when this machine was measured.
            precision: what it computes in; `auto` the fastest that holds what it has to
                (`hilum.inference.engine_selection`).

        Raises:
            BundleError: the bundle is incomplete or was changed, or this machine computes something else with it.
            RequestError: the engine is not installed or knows no such precision, or the bundle has no int8 network,
                or none at all.
        """
        opened = bundles.read(bundle)
        self.folder = opened.folder
        self.spec = opened.spec
        self.gate = _open_gate(opened)
        self._options = (threads, engine, precision)
        self._threads = threads or processors()
        self._predictor, self.engine, self.note = open_predictor(opened, self._threads, engine, precision)
        self._check_golden(opened)

    def __reduce__(self) -> tuple[object, ...]:
        return Detector, (os.path.abspath(self.folder), *self._options)

    def __repr__(self) -> str:
        return f"Detector({', '.join(f'{name}: {value}' for name, value in self._summary().items())})"

    def _repr_html_(self) -> str:
        summary = self._summary()
        return f"<p>Detector</p>{html_table(['', ''], list(summary.items()))}<p>{html.escape(self.note)}</p>"

    def _summary(self) -> dict[str, str]:
        """What it is, for a prompt and a notebook."""
        recipe, threshold = self.spec.recipe, self.spec.operating_point.threshold
        summary = {
            "recipe": recipe.name,
            "system": recipe.system,
            "classes": " or ".join(self.classes),
            "px": str(recipe.pixels.size),
        }
        if threshold is not None:
            summary["threshold"] = f"{threshold:.3f}"
        if auroc := self.spec.metrics.get("auroc"):
            summary["validation AUROC"] = repr(auroc)
        if self.engine:
            summary["engine"] = f"{self.engine.name} {self.engine.precision}"
        return {**summary, "bundle": str(self.folder)}

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of the probabilities; of two, the last one is the positive class."""
        return self.spec.classes

    def _check_golden(self, opened: bundles.Bundle) -> None:
        """Raise BundleError where generated films get other probabilities than where the bundle was made."""
        name, precision = (self.engine.name, self.engine.precision) if self.engine else ("", "float32")
        golden = opened.int8_record if precision == "int8" else opened.golden
        try:
            bundles.check_golden(golden, self.spec.recipe.pixels, self.probs)
        except BundleError as error:
            if precision == "float32":
                raise
            raise BundleError(
                f"{opened.folder}: {name} in {precision} gives generated films probabilities that lie more than "
                f"{bundles.TOLERANCE:g} from the bundle's; take --precision float32"
            ) from error

    def probs(self, films: np.ndarray) -> np.ndarray:
        """Probabilities of preprocessed films.

        Args:
            films: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            (n, classes) float64, in the order of `classes`, calibrated as the bundle says.
        """
        if len(films) <= BATCH_SIZE:
            return self._predict_squares(films)[0]
        batches = map_batches(lambda some: self._predict_squares(some)[0], films, BATCH_SIZE, self._threads)
        return np.stack(list(batches))

    def _predict_squares(self, squares: Sequence[np.ndarray] | np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Calibrated probabilities of some films, by one processor, and of each what was not found in it."""
        given, notes = self._predictor.predict(np.asarray(squares))
        return confidence.calibrated(self.spec.calibration, given), notes

    def predict(self, films: Films, prevalence: float | None = None) -> Predictions:
        """Read films and predict each; one that cannot be read gets a row that says why, and the others go on.

        A film's label in its row is what the bundle's recipe takes for it: `label`, or `subtype`.

        Args:
            films: a path, several, or a folder with all films below it; a manifest; or pixel values: one film
                (height, width), several (n, height, width), or a list of films; RGB has a last axis of 3.
                These go through the same preprocessing as a file: uint8 are divided by 255, other integers take their
                smallest and largest value as black and white, and floats have to lie from 0 (black) to 1 (white).
            prevalence: the share of positive films, between 0 and 1, where they come from: probabilities, and the
                threshold with them, are corrected from validation's share to it (`confidence.correct_prior`), so that
                the same films are called positive. None leaves them.

        Raises:
            LayoutError: a path does not exist, or a folder has no film.
            RequestError: a prevalence, and the bundle has more than two classes or does not say what its own was; or
                an array of another shape.
        """
        items = film_items(films)
        rows = track(self._stream(items, prevalence), "reading films", len(items))
        return Predictions(self.classes, self.threshold(prevalence), tuple(rows))

    def stream(self, films: Iterable[Film], prevalence: float | None = None) -> Iterator[Prediction]:
        """Predict film after film, in their order, for any number of them: a few are in memory at a time.

        Args:
            films: are taken as they are needed.
            prevalence: as for `predict`.

        Raises:
            RequestError: as `predict`, at once.
        """
        return self._stream(((film, None) for film in films), prevalence)

    def threshold(self, prevalence: float | None = None) -> float | None:
        """From which probability of the positive class on it is predicted; None with more than two classes.

        Raises:
            RequestError: as `predict`.
        """
        correct, threshold = self._prior_correction(prevalence), self.spec.operating_point.threshold
        return None if threshold is None else float(correct(np.array([[1 - threshold, threshold]]))[0, 1])

    def _stream(self, items: Iterable[_Item], prevalence: float | None) -> Iterator[Prediction]:
        threshold, correct = self.threshold(prevalence), self._prior_correction(prevalence)
        work = partial(self._predict_batch, threshold=threshold, correct=correct)
        return map_batches(work, items, BATCH_SIZE, self._threads)

    def _predict_batch(
        self, items: list[_Item], threshold: float | None, correct: Callable[[np.ndarray], np.ndarray]
    ) -> list[Prediction]:
        """Some films from their files to their rows, by one processor."""
        squares = [self._read(film, array) for film, array in items]
        readable = [square.levels for square in squares if isinstance(square, Square)]
        given, notes = self._predict_squares(readable) if readable else (np.zeros((0, len(self.classes))), ())
        results = zip(correct(given), self._prediction_sets(given), self._flags(readable, notes), strict=True)
        films = Manifest(tuple(film for film, _ in items)).labelled_by(self.spec.recipe.labels)
        rows: list[Prediction] = []
        for film, square in zip(films, squares, strict=True):
            if isinstance(square, FilmError):
                rows.append(Prediction(film, error=square.reason))
                continue
            probs, plausible, flags = next(results)
            row = tuple(map(float, probs))
            height, width = square.shape
            predicted = self.classes[self.predicted_class(row, threshold)]
            rows.append(Prediction(film, row, predicted, "", (height, width), plausible, flags))
        return rows

    def _read(self, film: Film, array: NDArray[np.generic] | None) -> Square | FilmError:
        try:
            if array is not None:
                return square_of(array, self.spec.recipe.pixels, film.path)
            return read_square(film.path, self.spec.recipe.pixels)
        except FilmError as error:
            return error

    def _prediction_sets(self, probs: np.ndarray) -> list[tuple[str, ...]]:
        """Each film's prediction set, by the classes' names."""
        if self.spec.conformal is None:
            return [()] * len(probs)
        return [
            tuple(name for name, inside in zip(self.classes, row, strict=True) if inside)
            for row in confidence.prediction_sets(self.spec.conformal, probs)
        ]

    def _flags(self, squares: list[np.ndarray], notes: Sequence[str]) -> list[tuple[str, ...]]:
        """Why each film is not one that the detector was made for, and what was not found in it."""
        reasons: Sequence[str] = [""] * len(squares)
        if self.gate is not None and squares:
            from hilum.gate import check_films

            reasons = check_films(self.gate, squares).reasons
        return [tuple(str(why) for why in both if why) for both in zip(reasons, notes, strict=True)]

    def _prior_correction(self, prevalence: float | None) -> Callable[[np.ndarray], np.ndarray]:
        """What turns probabilities into those of films of which such a share is positive."""
        if prevalence is None:
            return lambda probs: probs
        if self.spec.scores is None or len(self.classes) > 2:
            raise RequestError(
                "this bundle's probabilities cannot be corrected for a prevalence: "
                + ("it has more than two classes" if self.spec.scores else "it does not say what validation's was")
            )
        old, new = self.spec.scores.prior, (1 - prevalence, prevalence)
        return lambda probs: confidence.correct_prior(probs, old, new) if len(probs) else probs

    @staticmethod
    def predicted_class(probs: Sequence[float], threshold: float | None) -> int:
        """The place of the predicted class: of two the positive one from the threshold on, of more the most probable.

        >>> Detector.predicted_class((0.4, 0.6), 0.7)
        0
        """
        return int(np.argmax(probs) if threshold is None else probs[1] >= threshold)


def _open_gate(opened: bundles.Bundle) -> Gate | None:
    """What films a bundle was made for; OpenCV is loaded where it says so, and only there."""
    if opened.gate is None:
        return None
    from hilum.gate import read_gate

    return read_gate(opened.gate)
