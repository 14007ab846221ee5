"""The detector: a trained bundle and films in, probabilities out; torch is not imported."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hilum import bundle as bundles
from hilum import confidence
from hilum.errors import FilmError
from hilum.inference.answers import (
    Correction,
    answers,
    open_gate,
    predicted_class,
    prior_correction,
    rules_missing,
)
from hilum.inference.class_maps import ClassMaps
from hilum.inference.engines import BATCH_SIZE, EngineName, Precision
from hilum.inference.film_items import Films, film_items
from hilum.inference.predictor import check_golden, open_predictor
from hilum.inference.summary import summary_of
from hilum.machine import processors
from hilum.pixels import Square, read_square, square_of
from hilum.progress import track
from hilum.records import Film, Manifest, Prediction, Predictions, html_table
from hilum.workers import map_batches

_Item = tuple[Film, NDArray[np.generic] | None]  # a film, with its pixel values where they are in memory
_LookAt = Callable[[Film, NDArray[np.float32], Square], None]


class Detector:
    """A trained network, or a classical machine-learning system, ready to predict films (chest radiographs).

    >>> detector = Detector()
    >>> detector.classes
    ('NORMAL', 'PNEUMONIA')
    >>> import numpy as np
    >>> levels = np.random.default_rng(0).integers(0, 256, (256, 256)).astype(np.uint8)
    >>> detector.predict(levels).rows[0].flags  # noise is not a radiograph
    ('looks like noise', 'no lungs found: it does not look like a frontal chest film')

    It is pickled as the bundle's path and the options below; the process that unpickles it opens the bundle again.

    Attributes:
        bundle: its bundle, as it was opened and checked.
        folder: the folder of its bundle.
        spec: the bundle's metadata: recipe, classes, operating point, calibration, metrics.
        gate: the out-of-distribution check for films unlike those it was trained on; None where the bundle has none.
        engine: the inference runtime, with its `name` and `precision`; None for a classical system.
        lungs: the network that finds the lungs, where films are cropped to them; else None.
        note: a message for the user where the runtime is not the one that was asked for; else empty.
    """

    def __init__(
        self,
        bundle: Path | str | bundles.Bundle = "shipped",
        threads: int = 0,
        engine: EngineName | Literal["auto"] = "onnx",
        precision: Precision | Literal["auto"] = "float32",
        trusted: Path | str | None = None,
    ) -> None:
        """Open a bundle, check it, and load its model.

        Args:
            bundle: its folder, `shipped` for the one that comes with Hilum, or one that is open already.
            threads: the number of threads that read and predict films; 0 takes every processor.
            engine: the inference runtime; `auto` takes the one that was measured to be fastest on this machine.
            precision: the number format it computes in; `auto` takes the fastest whose probabilities stay close
                enough to those in float32 (`hilum.inference.engine_selection`).
            trusted: a public key, or a folder of them: the bundle must be signed by one of them (`hilum sign`). None
                takes any bundle that is whole. Of one that is open already, whoever opened it has decided that.

        Raises:
            BundleError: the bundle is incomplete, was changed, or is not signed by a key that is trusted; or this
                machine computes other probabilities with it than the one where it was made.
            RequestError: the engine is not installed or lacks that precision, or the bundle has no int8 network, or
                no network at all.
        """
        opened = bundle if isinstance(bundle, bundles.Bundle) else bundles.read(bundle, trusted)
        self.bundle = opened
        self.folder = opened.folder
        self.spec = opened.spec
        self.gate = open_gate(opened)
        self._options = (threads, engine, precision, None if trusted is None else os.path.abspath(trusted))
        self._threads = threads or processors()
        self._predictor, self.engine, self.note = open_predictor(opened, self._threads, engine, precision)
        self._class_maps = ClassMaps(opened, self.engine)
        self.lungs = bundles.lung_finder(opened)
        check_golden(opened, self.engine, self.probs, self.lungs)

    def __reduce__(self) -> tuple[object, ...]:
        return Detector, (os.path.abspath(self.folder), *self._options)

    def __repr__(self) -> str:
        summary = summary_of(self.spec, self.engine, self.folder)
        return f"Detector({', '.join(f'{name}: {value}' for name, value in summary.items())})"

    def _repr_html_(self) -> str:
        summary = summary_of(self.spec, self.engine, self.folder)
        return f"<p>Detector</p>{html_table(['', ''], list(summary.items()))}<p>{html.escape(self.note)}</p>"

    @property
    def skipped(self) -> tuple[str, ...]:
        """What of the rule of the answer (`hilum.records.answer`) this bundle cannot apply, in sentences."""
        return rules_missing(self.spec, self.gate)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the probabilities; of two classes, the last one is the positive class."""
        return self.spec.classes

    def probs(self, films: np.ndarray, lungs: np.ndarray | None = None) -> np.ndarray:
        """The calibrated probabilities of films that are preprocessed already: `predict_proba` in scikit-learn.

        Args:
            films: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.
            lungs: (n, size, size) uint8, not 0 inside the lungs, where films are cropped to them (`Square.lungs`).
                Only a classical system that describes films by their lungs needs them.

        Returns:
            (n, classes) float64, in the order of `classes`.

        Raises:
            RequestError: the bundle's system needs the lungs, and they are missing.
        """
        if len(films) <= BATCH_SIZE:
            return self._predict_squares(films, lungs)[0]

        def predict(rows: list[int]) -> np.ndarray:
            return self._predict_squares(films[rows], None if lungs is None else lungs[rows])[0]

        return np.stack(list(map_batches(predict, range(len(films)), BATCH_SIZE, self._threads)))

    def _predict_squares(
        self, squares: Sequence[np.ndarray] | np.ndarray, lungs: Sequence[np.ndarray] | np.ndarray | None = None
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Calibrated probabilities of preprocessed films, and a note on each (such as a lung not found), or "".

        The calling thread does all of it.
        """
        uncalibrated, notes = self._predictor.predict(
            np.asarray(squares), None if lungs is None else np.asarray(lungs)
        )
        return confidence.calibrated(self.spec.calibration, uncalibrated), notes

    @property
    def has_class_activation_maps(self) -> bool:
        """Whether `class_activation_maps` can be asked for: not of a VGG, nor of several networks together."""
        return self._class_maps.available

    def class_activation_maps(self, squares: np.ndarray) -> np.ndarray:
        """Where in films the network finds what speaks for each class, without torch and in one forward pass.

        Class activation maps (Zhou et al., CVPR 2016), which of such networks are Grad-CAM (Selvaraju et al., ICCV
        2017) times the number of places: the mean over the places, with the last layer's bias, is the class's logit,
        before calibration. They are coarse, and each place has seen far more of the film than it covers.

        >>> detector = Detector()
        >>> import numpy as np
        >>> detector.class_activation_maps(np.zeros((1, 160, 160), dtype=np.uint8)).shape
        (1, 2, 5, 5)

        Args:
            squares: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            (n, classes, rows, columns) float32 in logits: above 0 where a place speaks for the class. With one logit,
            the first class's map is the negative of the second's.

        Raises:
            RequestError: the bundle's network gives none, or it holds no network.
        """
        return self._class_maps.maps(squares)

    def predict(self, films: Films, prevalence: float | None = None, look_at: _LookAt | None = None) -> Predictions:
        """Read and predict films. One that cannot be read gets a row with the error, and the others are still read.

        The true label in a film's row is its `label` or its `subtype`, whichever the bundle's recipe trains on.

        Args:
            films: one path or several, of films or of folders, which are searched recursively; a manifest; or pixel
                values: one film (height, width), several (n, height, width), or a list of films; RGB has a last axis
                of 3. Arrays are preprocessed as files are: uint8 is divided by 255, other integers are scaled from
                their smallest value (black) to their largest (white), and floats must lie from 0 (black) to 1.
            prevalence: the fraction of positive films where these come from, between 0 and 1. Probabilities are
                corrected from the validation films' prevalence to this one (`confidence.correct_prior`), and the
                threshold with them, so that the same films are called positive. None corrects nothing.
            look_at: is given each film of a file, its pixels as decoded and its square, by the thread that read them.

        Raises:
            LayoutError: a path does not exist, or a folder has no film.
            RequestError: a prevalence is given, and the bundle has more than two classes or does not record the
                prevalence of its validation films; or an array has another shape.
        """
        items = film_items(films)
        rows = track(self._stream(items, prevalence, look_at), "reading films", len(items))
        return Predictions(self.classes, self.threshold(prevalence), tuple(rows))

    def stream(self, films: Iterable[Film], prevalence: float | None = None) -> Iterator[Prediction]:
        """Yield the predictions of any number of films, in their order; only a few films are in memory at a time.

        Args:
            films: an iterable, consumed lazily.
            prevalence: as for `predict`.

        Raises:
            RequestError: as `predict`; at the call, not at the first prediction.
        """
        return self._stream(((film, None) for film in films), prevalence)

    def threshold(self, prevalence: float | None = None) -> float | None:
        """The decision threshold: the smallest probability of the positive class at which that class is predicted.

        None with more than two classes, of which the most probable is predicted.

        Raises:
            RequestError: as `predict`.
        """
        correct, threshold = prior_correction(self.spec, prevalence), self.spec.operating_point.threshold
        return None if threshold is None else float(correct(np.array([[1 - threshold, threshold]]))[0, 1])

    def _stream(
        self, items: Iterable[_Item], prevalence: float | None, look_at: _LookAt | None = None
    ) -> Iterator[Prediction]:
        threshold, correct = self.threshold(prevalence), prior_correction(self.spec, prevalence)
        predict_batch = partial(self._predict_batch, threshold=threshold, correct=correct, look_at=look_at)
        return map_batches(predict_batch, items, BATCH_SIZE, self._threads)

    def _predict_batch(
        self, items: list[_Item], threshold: float | None, correct: Correction, look_at: _LookAt | None
    ) -> list[Prediction]:
        """Read, preprocess (to a `Square` of pixels) and predict a batch of films, in the calling thread."""
        squares = [self._read(film, array, look_at) for film, array in items]
        films = Manifest(tuple(film for film, _ in items)).labelled_by(self.spec.recipe.labels)
        return answers(self.spec, self.gate, films, squares, self._predict_squares, threshold, correct)

    def predict_squares(
        self, films: Sequence[Film], squares: Sequence[Square | FilmError], prevalence: float | None = None
    ) -> list[Prediction]:
        """Predict films that are read and preprocessed already, in the calling thread.

        Args:
            films: which they are.
            squares: each as `read_square` gives it, or why it could not be read.
            prevalence: as for `predict`.

        Raises:
            RequestError: as `predict`.
        """
        threshold, correct = self.threshold(prevalence), prior_correction(self.spec, prevalence)
        return answers(self.spec, self.gate, films, squares, self._predict_squares, threshold, correct)

    def read_square(self, path: str, array: NDArray[np.generic] | None = None, expected_sha256: str = "") -> Square:
        """Read and preprocess one film by the bundle's recipe, cropped to its lungs where that asks for it.

        Args:
            path: of the film.
            array: its pixel values, where they are in memory; the path then only names it.
            expected_sha256: of its file, as its manifest names it; empty checks nothing.

        Raises:
            FilmError: it cannot be read.
        """
        pixels = self.spec.recipe.pixels
        if array is not None:
            return square_of(array, pixels, path, self.lungs)
        return read_square(path, pixels, expected_sha256, self.lungs)

    def _read(self, film: Film, array: NDArray[np.generic] | None, look_at: _LookAt | None) -> Square | FilmError:
        """The preprocessed film, or the error why it cannot be read."""
        try:
            if array is not None or look_at is None:
                return self.read_square(film.path, array)
            decoded: list[NDArray[np.float32]] = []
            square = read_square(film.path, self.spec.recipe.pixels, lungs=self.lungs, look=decoded.append)
            look_at(film, decoded[0], square)
            return square
        except FilmError as error:
            return error

    predicted_class = staticmethod(predicted_class)
