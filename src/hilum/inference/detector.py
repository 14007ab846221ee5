"""A bundle and films in, probabilities out; ONNX Runtime, no torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import onnxruntime

from hilum import bundle
from hilum.confidence import calibrated
from hilum.errors import FilmError
from hilum.pixels import decode, preprocess
from hilum.progress import track
from hilum.records import Film, Manifest, Prediction, Predictions

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
    """

    def __init__(self, folder: Path | str = SHIPPED, threads: int = 0) -> None:
        """Open a bundle, check it, and load its network.

        Args:
            folder: the bundle; without one, the one that ships with Hilum.
            threads: for the network; 0 takes every core.

        Raises:
            BundleError: the bundle is incomplete or was changed, or this machine computes something else with it.
        """
        opened = bundle.read(folder)
        self.spec = opened.spec
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
        return calibrated(self.spec.calibration, given)

    def predict(self, films: Manifest) -> Predictions:
        """Read and judge films; one that cannot be read gets a row that says why, and the others go on.

        A film's label in its row is what the bundle's recipe takes for it: `label`, or `subtype`.
        """
        threshold, classes = self.spec.operating_point.threshold, self.spec.classes
        rows: list[Prediction] = []
        films = films.labelled_by(self.spec.recipe.labels)
        for part in _in_parts(track(self._read(films), "reading films", len(films)), _BATCH):
            readable = [read.square for _, read in part if isinstance(read, _Read)]
            probs = iter(self.probs(np.stack(readable)) if readable else [])
            for film, read in part:
                if isinstance(read, FilmError):
                    rows.append(Prediction(film, error=read.reason))
                    continue
                row = tuple(float(prob) for prob in next(probs))
                chosen = self.choose(row, threshold)
                rows.append(Prediction(film, row, classes[chosen], shape=read.shape))
        return Predictions(classes, threshold, tuple(rows))

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

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in _in_parts(iter(films), 2 * _BATCH):
                yield from zip(part, pool.map(read, part), strict=True)


def _in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
