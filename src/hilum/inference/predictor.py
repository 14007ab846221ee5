"""What computes a bundle's probabilities, a network in an engine or a system without one, and whether rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum import bundle
from hilum.bundle.consistency import GOLDEN_NAME
from hilum.bundle.golden import Probs
from hilum.bundle.read import INT8_RECORD_NAME
from hilum.errors import BundleError, HilumError, RequestError
from hilum.extras import require
from hilum.inference.engines import Engine, EngineName, Precision, open_engine, short

if TYPE_CHECKING:
    from hilum.lungs import LungFinder


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


def check_golden(
    opened: bundle.Bundle,
    engine: Engine | None,
    predict_probs: Probs,
    lungs: LungFinder | None,
) -> None:
    """Raise BundleError where generated films get other probabilities here than where the bundle was made.

    Those are stored in the bundle as golden predictions, a second set of them for its int8 network.

    Args:
        opened: the bundle.
        engine: which computes its network; None for a system without one.
        predict_probs: gives the calibrated probabilities, (n, classes), of preprocessed films and of their lungs.
        lungs: the network that finds the lungs, where films are cropped to them.
    """
    name, precision = (engine.name, engine.precision) if engine else ("", "float32")
    file = INT8_RECORD_NAME if precision == "int8" else GOLDEN_NAME
    golden = bundle.parse_golden(opened.content(file), str(opened.folder / file))
    try:
        bundle.check_golden(golden, opened.folder, opened.spec.recipe.pixels, predict_probs, lungs)
    except BundleError as error:
        if precision == "float32":
            raise
        raise BundleError(
            f"{opened.folder}: {name} in {precision} gives generated films probabilities that differ from the "
            f"bundle's by more than {bundle.TOLERANCE:g}; use --precision float32"
        ) from error
    except Exception as error:  # whatever a foreign model makes of the libraries that compute it
        raise BundleError(
            f"{opened.folder}: cannot predict generated films ({' '.join(str(error).split())[:200]}); take the "
            "bundle again from where it was made"
        ) from None
