"""Class activation maps of a bundle's network, in ONNX Runtime and float32, whatever computes its probabilities."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hilum.bundle import Bundle
from hilum.errors import HilumError, RequestError
from hilum.inference.engines import BATCH_SIZE, Engine, OnnxRuntime, open_engine, short


class ClassMaps:
    """Where in a film the last layer of a network finds what speaks for each class.

    Args:
        opened: the bundle.
        engine: which computes its probabilities; None for a system without a network.
    """

    def __init__(self, opened: Bundle, engine: Engine | None) -> None:
        self._opened, self._engine = opened, engine

    @cached_property
    def _network(self) -> OnnxRuntime | None:
        """The engine's own, or the same network once more; None where there is none."""
        engine = self._engine
        if engine is None or (isinstance(engine, OnnxRuntime) and engine.precision == "float32"):
            return engine
        network, _ = open_engine(self._opened, "onnx", "float32", 1)
        assert isinstance(network, OnnxRuntime)
        return network

    @property
    def available(self) -> bool:
        """Whether the network gives them."""
        return self._network is not None and self._network.gives_maps

    def maps(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As `Detector.class_activation_maps`."""
        if not self.available:
            folder = self._opened.folder
            raise RequestError(
                f"{folder}: gives no class activation maps; a network that ends in the mean of its maps and one "
                f"dense layer gets them with: hilum export {folder} --to onnx --out OUT"
            )
        network = self._network
        assert network is not None
        try:
            parts = [
                network.class_activation_maps(squares[start : start + BATCH_SIZE])
                for start in range(0, max(1, len(squares)), BATCH_SIZE)
            ]
        except Exception as error:  # of a kind of its own in each runtime
            raise HilumError(f"the network cannot be computed ({short(error)}); make the bundle again") from None
        found = np.concatenate(parts)
        if not np.isfinite(found).all():
            raise HilumError("the network gives NaN or infinite numbers for a film; it cannot be explained")
        return np.concatenate([-found, found], axis=1) if found.shape[1] == 1 else found
