"""A fitted pipeline as a bundle holds it: `model.skops`, and what finds the lungs for it. No torch here."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.bundle.consistency import LUNGS_NAME
from hilum.bundle.spec import PIPELINE_NAME
from hilum.bundle.write import ModelSize
from hilum.classical.models.pipeline_file import count_numbers, write_pipeline
from hilum.classical.system import System

_LIBRARIES = ("scikit-learn", "scikit-image", "opencv-python-headless", "PyWavelets", "numpy", "scipy")


class PipelinePayload:
    """A system without a network; see `hilum.bundle.write.Payload`."""

    members = ()

    def __init__(self, system: System) -> None:
        """Take a fitted system."""
        self._system = system

    @property
    def files(self) -> tuple[str, ...]:
        """The pipeline, and where films are described by their lungs the network that finds them."""
        return (PIPELINE_NAME,) if self._system.lungs is None else (PIPELINE_NAME, LUNGS_NAME)

    @property
    def made_with(self) -> dict[str, str]:
        """Versions of the libraries that describe films and that fitted the pipeline."""
        return {name: version(name) for name in _LIBRARIES}

    def save(self, folder: Path) -> None:
        """Write the files.

        Raises:
            BundleError: it holds an object that could not be read again.
        """
        write_pipeline(self._system.pipeline, folder / PIPELINE_NAME)
        if self._system.lungs is not None:
            (folder / LUNGS_NAME).write_bytes(self._system.lungs.onnx)

    def probs(self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
        """As `Payload.probs`."""
        return self._system.predict(squares, lungs)[0]

    def size(self, folder: Path) -> ModelSize:
        """How many numbers the pipeline's file in this folder holds; nobody counts multiply-adds."""
        return ModelSize(count_numbers(folder / PIPELINE_NAME), 0)
