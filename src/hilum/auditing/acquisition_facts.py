"""How a film was taken, as far as its pixels tell: grey levels, sharpness, framing and letters."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.auditing.facts import picture_facts

_SIDE = 224  # sharpness and framing are measured on the film squashed to this side
_RIM = 16  # pixels of it that count as the rim
_FLOOR = 1e-3  # of a deviation, so that a film of one grey has a sharpness too


class AcquisitionFact(NamedTuple):
    """A number that describes how a film was taken.

    Attributes:
        name: as in `acquisition_facts`.
        less: what a film is called that has less of it.
        more: what a film is called that has more of it.
    """

    name: str
    less: str
    more: str


# Each family counts alike when films are compared, however many facts it has.
FAMILIES: dict[str, tuple[AcquisitionFact, ...]] = {
    "grey levels": (
        AcquisitionFact("grey_p05", "darker shadows", "brighter shadows"),
        AcquisitionFact("grey_p25", "darker", "brighter"),
        AcquisitionFact("grey_p50", "darker", "brighter"),
        AcquisitionFact("grey_p75", "darker", "brighter"),
        AcquisitionFact("grey_p95", "darker bones", "brighter bones"),
        AcquisitionFact("grey_deviation", "less contrast", "more contrast"),
        AcquisitionFact("black", "less black", "more black"),
    ),
    "sharpness": (
        AcquisitionFact("edges", "less sharp", "sharper"),
        AcquisitionFact("detail", "less sharp", "sharper"),
    ),
    "framing": (
        AcquisitionFact("aspect", "narrower", "wider"),
        AcquisitionFact("border", "no borders", "borders"),
        AcquisitionFact("rim_top", "darker at the top", "brighter at the top"),
        AcquisitionFact("rim_bottom", "darker at the foot", "brighter at the foot"),
        AcquisitionFact("rim_sides", "darker at the sides", "brighter at the sides"),
    ),
    "letters": (
        AcquisitionFact("letters", "fewer letters", "more letters"),
        AcquisitionFact("letters_area", "smaller letters", "larger letters"),
    ),
}


def acquisition_facts(grey: NDArray[np.float32]) -> dict[str, float]:
    """The facts of one film, by the names in `FAMILIES`.

    Args:
        grey: a decoded film, (height, width), 0 to 1, of any size.

    Returns:
        Shares and grey levels from 0 to 1, the number of letters; `edges` and `detail` are logarithms of the
        deviation of the film's Laplacian, and of what a blur of 2 pixels takes away, over that of its grey levels;
        `aspect` is the logarithm of width over height.
    """
    facts = picture_facts(np.rint(grey * np.float32(255)).astype(np.uint8))
    square = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    spread = float(square.std()) + _FLOOR
    lost = square - cv2.GaussianBlur(square, (0, 0), 2)
    left, right = float(square[:, :_RIM].mean()), float(square[:, -_RIM:].mean())
    return {
        **facts,
        "edges": float(np.log((cv2.Laplacian(square, cv2.CV_32F).std() + _FLOOR) / spread)),
        "detail": float(np.log((lost.std() + _FLOOR) / spread)),
        "aspect": float(np.log(grey.shape[1] / grey.shape[0])),
        "border": max(facts[f"border_{side}"] for side in ("top", "bottom", "left", "right")),
        "rim_top": float(square[:_RIM].mean()),
        "rim_bottom": float(square[-_RIM:].mean()),
        "rim_sides": (left + right) / 2,
    }
