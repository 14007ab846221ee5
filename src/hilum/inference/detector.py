"""A bundle and films in, probabilities out; ONNX Runtime, no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import onnxruntime

from hilum import bundle, confidence
from hilum.errors import FilmError, RequestError
from hilum.pixels import decode, preprocess
from hilum.progress import track
from hilum.records import Film, Manifest, Prediction, Predictions

if TYPE_CHECKING:
    from hilum.gate import Gate

T = TypeVar("T")

SHIPPED = Path(__file__).parents[1] / "shipped"
_BATCH = 32  # films at a time: enough to keep the cores busy, little enough to stay under 400 MB


class _Read(NamedTuple):
    """A film as the network is shown it, `(size, size)` uint8, and its height and width as it was decoded."""

    square: np.ndarray
    shape: tuple[int, int]


class Detector:
    """A network ready to read films.

    Attributes:
        spec: what its bundle says about itself.
        gate: what films it was made for; None where the bundle does not say.
    """

    def __init__(self, folder: Path | str = SHIPPED, threads: int = 0) -> None:
        """Open a bundle, check it, and load its network.

        Args:
            folder: the bundle; without one, the one that ships with Hilum.
            threads: for reading, and as many for the network; 0 takes every core.

        Raises:
            BundleError: the bundle is incomplete or was changed, or this machine computes something else with it.
        """
        opened = bundle.read(folder)
        self.spec = opened.spec
        self._threads = threads or os.cpu_count()
        self.gate = _gate_of(opened)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(opened.onnx, options, providers=["CPUExecutionProvider"])
        bundle.check_golden(opened.golden, self.spec.recipe.pixels, self.probs)

    def probs(self, films: np.ndarray) -> np.ndarray:
        """Probabilities of preprocessed films.

        Args:
            films: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            (n, classes) float64, in the order of `spec.classes`, calibrated as the bundle says.
        """
        inputs = films[:, None].astype(np.float32) / np.float32(255)
        given = bundle.probabilities(self._session.run(["logits"], {"films": inputs})[0])
        return confidence.calibrated(self.spec.calibration, given)

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
        threshold, classes = self.spec.operating_point.threshold, self.spec.classes
        corrected = self._corrected_to(prevalence)
        if threshold is not None:
            threshold = float(corrected(np.array([[1 - threshold, threshold]]))[0, 1])
        rows: list[Prediction] = []
        films = films.labelled_by(self.spec.recipe.labels)
        for part in _in_parts(track(self._read(films), "reading films", len(films)), _BATCH):
            readable = [read.square for _, read in part if isinstance(read, _Read)]
            given = self.probs(np.stack(readable)) if readable else np.zeros((0, len(classes)))
            sets = iter(self._plausible(given))
            flags = iter(self._flags(readable))
            probs = iter(corrected(given))
            for film, read in part:
                if isinstance(read, FilmError):
                    rows.append(Prediction(film, error=read.reason))
                    continue
                row = tuple(float(prob) for prob in next(probs))
                chosen = self.choose(row, threshold)
                rows.append(Prediction(film, row, classes[chosen], "", read.shape, next(sets), next(flags)))
        return Predictions(classes, threshold, tuple(rows))

    def _plausible(self, probs: np.ndarray) -> list[tuple[str, ...]]:
        """Each film's prediction set, by the classes' names."""
        if self.spec.conformal is None:
            return [()] * len(probs)
        return [
            tuple(name for name, inside in zip(self.spec.classes, row, strict=True) if inside)
            for row in confidence.sets(self.spec.conformal, probs)
        ]

    def _flags(self, squares: list[np.ndarray]) -> list[tuple[str, ...]]:
        """Why each film is not one that the detector was made for."""
        if self.gate is None or not squares:
            return [()] * len(squares)
        from hilum.gate import judge

        return [(str(reason),) if reason else () for reason in judge(self.gate, squares).reasons]

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

    def _read(self, films: Manifest) -> Iterator[tuple[Film, _Read | FilmError]]:
        """Decode and preprocess in threads, a few batches ahead and no more."""
        pixels = self.spec.recipe.pixels

        def read(film: Film) -> _Read | FilmError:
            try:
                grey = decode(film.path, pixels.window)
                return _Read(preprocess(grey, pixels), (grey.shape[0], grey.shape[1]))
            except FilmError as error:
                return error

        with ThreadPoolExecutor(self._threads) as pool:
            for part in _in_parts(iter(films), 2 * _BATCH):
                yield from zip(part, pool.map(read, part), strict=True)


def _gate_of(opened: bundle.Bundle) -> Gate | None:
    """What films a bundle was made for; OpenCV is loaded where it says so, and only there."""
    if opened.gate is None:
        return None
    from hilum.gate import read_gate

    return read_gate(opened.gate)


def _in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
