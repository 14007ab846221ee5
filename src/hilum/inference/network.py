"""What judges films in a bundle: a network under ONNX Runtime, or a system without one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hilum import bundle


class Judge(Protocol):
    """From preprocessed films to probabilities."""

    def judge(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Judge films.

        Args:
            squares: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            Probabilities, (n, classes) float64, not calibrated yet; and of each film what was not found in it, in
            words, empty where all is well.
        """


class Network:
    """A bundle's network under ONNX Runtime."""

    def __init__(self, path: Path, threads: int) -> None:
        """Load it; `threads` as for `Detector`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def judge(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """As `Judge.judge`."""
        inputs = squares[:, None].astype(np.float32) / np.float32(255)
        logits = self._session.run(["logits"], {"films": inputs})[0]
        return bundle.probabilities(logits), ("",) * len(squares)


def judge_of(opened: bundle.Bundle, threads: int) -> Judge:
    """What judges films in an opened bundle; scikit-learn is loaded where it is a system without a network."""
    if opened.spec.recipe.classical is None:
        return Network(opened.onnx, threads)
    from hilum.classical.system import load

    return load(opened)
