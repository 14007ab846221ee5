"""What computes probabilities in a bundle: a network in an engine, or a system without one."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum import bundle
from hilum.errors import HilumError, RequestError
from hilum.extras import require
from hilum.inference.engines import Engine, EngineName, Precision, open_engine, short


class Predictor(Protocol):
    """From preprocessed films to probabilities."""

    def predict(
        self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Compute probabilities; several threads may call it at once.

        Args:
            squares: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.
            lungs: (n, size, size) uint8, where films are cropped to their lungs (`Square.lungs`).

        Returns:
            Probabilities, (n, classes) float64, not calibrated yet; and of each film what was not found in it, in
            words, empty where all is well.
        """


class NetworkPredictor:
    """A bundle's network in an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def predict(
        self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """As `Predictor.predict`; a network is given no lungs beside the film.

        Raises:
            HilumError: the engine fails, or gives NaN or infinite numbers.
        """
        try:
            logits = self._engine.logits(squares)
        except Exception as error:  # of a kind of its own in each runtime
            raise HilumError(f"the network cannot be computed ({short(error)}); make the bundle again") from None
        if not np.isfinite(logits).all():
            raise HilumError("the network gives NaN or infinite numbers for a film; it cannot be predicted")
        return bundle.probabilities(logits), ("",) * len(squares)


def open_predictor(
    opened: bundle.Bundle,
    threads: int,
    engine: EngineName | Literal["auto"],
    precision: Precision | Literal["auto"],
) -> tuple[Predictor, Engine | None, str]:
    """Load what computes an opened bundle's probabilities; scikit-learn only for a system without a network.

    Args:
        opened: the bundle.
        threads: that call it at once.
        engine: as for `Detector`.
        precision: as for `Detector`.

    Returns:
        The predictor; the engine that computes its network, None without one; and a line for a person where that is
        not what was asked for, else an empty one.

    Raises:
        RequestError: the engine cannot be had, or there is no network for it to compute.
    """
    if opened.spec.recipe.classical is not None:
        if engine == "openvino" or precision in ("bfloat16", "int8"):
            raise RequestError(
                f"{opened.folder}: a system without a network, which no engine computes; omit --engine and "
                "--precision"
            )
        require("evaluate", f"{opened.folder}: predicting by a system without a network")
        from hilum.classical.system import load

        return load(opened), None, ""
    if engine == "auto" or precision == "auto":
        from hilum.inference.engine_selection import select_engine

        engine, precision = select_engine(opened, engine, precision, threads)
    chosen, note = open_engine(opened, engine, precision, threads)
    return NetworkPredictor(chosen), chosen, note
