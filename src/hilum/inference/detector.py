"""A bundle and films in, probabilities out; no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from hilum import bundle, confidence
from hilum.errors import FilmError, RequestError
from hilum.inference.network import judge_of
from hilum.pixels import decode, preprocess
from hilum.progress import track
from hilum.records import Film, Manifest, Prediction, Predictions

if TYPE_CHECKING:
    from hilum.gate import Gate

T = TypeVar("T")

SHIPPED = Path(__file__).parents[1] / "shipped"
_BATCH = 32  # films at a time: enough to keep the cores busy, little enough to stay under 400 MB


class _Read(NamedTuple):
    """A film as it is judged, `(size, size)` uint8, and its height and width as it was decoded."""

    square: np.ndarray
    shape: tuple[int, int]


class Detector:
    """A network, or a system without one, ready to read films.

    Attributes:
        spec: what its bundle says about itself.
        gate: what films it was made for; None where the bundle does not say.
    """

    def __init__(self, folder: Path | str = SHIPPED, threads: int = 0) -> None:
        """Open a bundle, check it, and load what judges films in it.

        Args:
            folder: the bundle; without one, the one that ships with Hilum.
            threads: for reading, and as many for a network; 0 takes every core. A system without one takes every
                core to describe films.

        Raises:
            BundleError: the bundle is incomplete or was changed, or this machine computes something else with it.
        """
        opened = bundle.read(folder)
        self.spec = opened.spec
        self._threads = threads or os.cpu_count()
        self.gate = _gate_of(opened)
        self._judge = judge_of(opened, threads)
        bundle.check_golden(opened.golden, self.spec.recipe.pixels, self.probs)

    def probs(self, films: np.ndarray) -> np.ndarray:
        """Probabilities of preprocessed films.

        Args:
            films: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            (n, classes) float64, in the order of `spec.classes`, calibrated as the bundle says.
        """
        return self._judged(films)[0]

    def _judged(self, films: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Probabilities, and of each film what was not found in it."""
        given, notes = self._judge.judge(films)
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
        threshold, classes = self.spec.operating_point.threshold, self.spec.classes
        corrected = self._corrected_to(prevalence)
        if threshold is not None:
            threshold = float(corrected(np.array([[1 - threshold, threshold]]))[0, 1])
        rows: list[Prediction] = []
        films = films.labelled_by(self.spec.recipe.labels)
        for part in _in_parts(track(self._read(films), "reading films", len(films)), _BATCH):
            readable = [read.square for _, read in part if isinstance(read, _Read)]
            given, notes = self._judged(np.stack(readable)) if readable else (np.zeros((0, len(classes))), ())
            sets = iter(self._plausible(given))
            flags = iter(self._flags(readable, notes))
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

    def _flags(self, squares: list[np.ndarray], notes: Sequence[str]) -> list[tuple[str, ...]]:
        """Why each film is not one that the detector was made for, and what was not found in it."""
        reasons: Sequence[str] = [""] * len(squares)
        if self.gate is not None and squares:
            from hilum.gate import judge

            reasons = judge(self.gate, squares).reasons
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
