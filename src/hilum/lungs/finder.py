"""The lung network, run by ONNX Runtime: a film in, its lungs out.

The network is a small U-Net (Ronneberger et al., MICCAI 2015) with a second output; `recipes/lungs.toml` trains it.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.lungs.found import CUT_OFF, ONE_LUNG, Lungs, Mask, box_of
from hilum.onnx_session import open_session
from hilum.records.reasons import ROTATED

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SHIPPED = Path(__file__).parent / "lungs.onnx"
SIDE = 128  # of the square that the network is given, in pixels

_LUNG = 0.5  # probability from which on a pixel is lung
_FRONTAL = 0.5  # probability of a frontal chest film from which on lungs are looked for
_ROTATED_FROM = 0.99  # probability of a rotation from which on it is told: real films reach it, drawn ones do not
_SMALLEST = 0.012  # of the film's area: a smaller piece is no lung
_BOTH = 0.45  # of the film's width or height: one piece that spans more is both lungs, which touch
_AT_BORDER = 0.05  # of a side: a lung that touches the border over more than that is cut off
_ROTATIONS = (0, 90, 180, 270)


class LungFinder:
    """The lung network, ready to find lungs in films; several threads may use one.

    Attributes:
        onnx: the network's file.
        sha256: of the network's file: films that were cropped by one network are not to be mixed with another's.
    """

    def __init__(self, onnx: bytes) -> None:
        """Take the network, which is loaded when the first film is given to it.

        Args:
            onnx: an ONNX file: `films` (n, 1, 128, 128) float32 from 0 to 1 → `lungs` (n, 1, 128, 128), the
                probability of lung, and `view` (n, 5), the probabilities that it is a frontal chest film that is
                upright, rotated by 90, 180 or 270 degrees clockwise, or none.
        """
        self.onnx = onnx
        self.sha256 = hashlib.sha256(onnx).hexdigest()
        self._session: InferenceSession | None = None
        self._loading = threading.Lock()

    def probabilities(self, squares: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the network itself gives: `lungs` and `view` for `films`, as `__init__` describes them."""
        lungs, view = self._loaded().run(["lungs", "view"], {"films": squares})
        return lungs, view

    def _loaded(self) -> InferenceSession:
        """The network in ONNX Runtime, loaded once, whichever thread asks first."""
        with self._loading:
            if self._session is None:
                self._session = open_session(self.onnx)
            return self._session

    def find(self, film: NDArray[np.uint8] | NDArray[np.float32]) -> Lungs:
        """Find the lungs in a film in which brighter is denser.

        Args:
            film: (height, width), uint8, or float from 0 to 1.

        Raises:
            ValueError: it is not such an array.
        """
        square = _square_of(film)
        lungs, view = self.probabilities(square[None, None])
        frontal = float(1 - view[0, -1])
        likeliest = int(view[0, :4].argmax())
        rotation = _ROTATIONS[likeliest] if view[0, likeliest] >= _ROTATED_FROM else 0
        if frontal < _FRONTAL:
            return Lungs(None, frontal, reason="it does not look like a frontal chest film")
        pieces = _pieces(lungs[0, 0] > _LUNG)
        if not pieces:
            return Lungs(None, frontal, rotation, "nothing in it looks like a lung")
        height, width = film.shape
        likely = np.where(np.logical_or.reduce(pieces), lungs[0, 0], 0)
        # An outline between two pixels of the small square becomes a smooth one in a large film.
        mask = cv2.resize(likely, (width, height), interpolation=cv2.INTER_LINEAR) > _LUNG
        if not mask.any():
            return Lungs(None, frontal, rotation, "nothing in it looks like a lung")
        box = box_of(mask)
        if _is_one(pieces, rotation):
            box = box.with_mirror_image("vertical" if rotation in (0, 180) else "horizontal")
        return Lungs(mask, frontal, rotation, "", tuple(_remarks(pieces, rotation)), box)


@cache
def shipped_finder() -> LungFinder:
    """The network that comes with Hilum."""
    return LungFinder(SHIPPED.read_bytes())


def find_lungs(film: NDArray[np.uint8] | NDArray[np.float32]) -> Lungs:
    """Find the lungs in a film in which brighter is denser, by the network that comes with Hilum.

    Args:
        film: (height, width), uint8, or float from 0 to 1, of any size.

    Raises:
        ValueError: it is not such an array.

    >>> find_lungs(np.zeros((64, 64), dtype=np.uint8)).reason
    'it does not look like a frontal chest film'
    """
    return shipped_finder().find(film)


def _square_of(film: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """The film as the network takes it: (SIDE, SIDE) float32 from 0 to 1, both sides scaled."""
    if film.ndim != 2 or not film.size:
        raise ValueError(f"a film is (height, width), not {film.shape}")
    grey = np.ascontiguousarray(film, dtype=np.float32)
    if film.dtype == np.uint8:
        grey /= np.float32(255)  # a copy already
    if not 0 <= float(grey.min()) <= float(grey.max()) <= 1:  # of what is no number neither is true
        raise ValueError("a film is uint8, or float from 0 to 1")
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _pieces(lung: Mask) -> list[Mask]:
    """The two largest connected pieces that are large enough for a lung."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lung.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    order = [int(number) for number in np.argsort(areas)[::-1][:2] if areas[number] >= _SMALLEST * lung.size]
    return [labels == number + 1 for number in order]


def _is_one(pieces: list[Mask], rotation: int) -> bool:
    """Whether a single piece is one lung, and not two that touch."""
    span = pieces[0].any(axis=0 if rotation in (0, 180) else 1)
    return len(pieces) == 1 and bool(span.mean() < _BOTH)


def _remarks(pieces: list[Mask], rotation: int) -> list[str]:
    remarks = [ROTATED[rotation]] if rotation else []
    both: Mask = np.logical_or.reduce(pieces)
    if _is_one(pieces, rotation):
        remarks.append(ONE_LUNG)
    borders = {"top": both[0], "bottom": both[-1], "left": both[:, 0], "right": both[:, -1]}
    cut = [name for name, line in borders.items() if line.mean() > _AT_BORDER]
    if cut:
        remarks.append(f"{CUT_OFF} at the {' and '.join(cut)} border")
    return remarks
