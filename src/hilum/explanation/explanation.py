"""One film explained: its heat map, where the lungs are, and whether the map is about what the network does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from hilum.explanation.attribution import Method, attribute
from hilum.explanation.faithfulness import FaithfulnessCurve, PredictProbs, deletion, insertion, share_inside
from hilum.explanation.overlay import overlay
from hilum.lungs import Lungs, find_lungs


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a detector gives a film the probability of one class that it gives.

    Attributes:
        film: (size, size) uint8, as the network sees it.
        heat: (size, size) float32, how much each pixel speaks for the class (above 0) or against it (below 0).
        lungs: where the film's lungs are.
        inside: the share of what speaks for the class that lies inside the lungs, from 0 to 1; None if no lungs
            were found or nothing speaks for the class.
        deletion: the probability while the film is removed; a good map has an area below chance.
        insertion: the probability while the film is restored; a good map has an area above chance.
    """

    film: NDArray[np.uint8]
    heat: NDArray[np.float32]
    lungs: Lungs
    inside: float | None
    deletion: FaithfulnessCurve
    insertion: FaithfulnessCurve

    @property
    def lung_share(self) -> float | None:
        """The share of the film that the lungs take, which is `inside` by chance; None if none was found."""
        return None if self.lungs.mask is None else float(self.lungs.mask.mean())


def explain_film(
    model: nn.Module,
    predict_probs: PredictProbs,
    film: NDArray[np.uint8],
    method: Method,
    target: int,
    lungs: Lungs | None = None,
) -> Explanation:
    """Explain one film, and measure how faithful the explanation is.

    Args:
        model: a network, as `attribute` takes it.
        predict_probs: gives the same network's probabilities, as `hilum.inference.Detector.probs` does.
        film: (size, size) uint8, preprocessed.
        method: one of METHODS.
        target: the index of the class among the bundle's classes.
        lungs: where they are in the preprocessed film; None finds them there.

    Raises:
        ValueError, RequestError: as for `attribute`.
    """
    heat = attribute(model, film[None], method, target)[0]
    lungs = find_lungs(film) if lungs is None else lungs
    return Explanation(
        film,
        heat,
        lungs,
        None if lungs.mask is None else share_inside(heat, lungs.mask),
        deletion(predict_probs, film, heat, target),
        insertion(predict_probs, film, heat, target),
    )


def heat_maps(
    model: nn.Module, films: NDArray[np.uint8], target: int, method: Method = "gradcam"
) -> NDArray[np.uint8]:
    """Draw heat maps over films, each scaled to its own maximum.

    Args:
        model: a network, as `attribute` takes it.
        films: (n, size, size) uint8, preprocessed.
        target: the index of the class among the bundle's classes.
        method: one of METHODS.

    Returns:
        (n, size, size, 3) uint8, RGB.

    Raises:
        ValueError, RequestError: as for `attribute`.
    """
    maps = attribute(model, films, method, target)
    drawn = [overlay(film, heat) for film, heat in zip(films, maps, strict=True)]
    return np.stack(drawn) if drawn else np.empty((*films.shape, 3), dtype=np.uint8)
