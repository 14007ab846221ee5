"""What lies between the tube and the detector besides the patient: letters, plates, limbs, wires, drawn over a film.

Everything is drawn once, twice as fine as a film of 224 × 224 with the film's own shape, and scaled to the film, so
that small and large films show the same. Places are shares of the film's width and height; lengths are in pixels of a
film of 224 × 224.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.shifts.grey import Grey, as_grey

Place = tuple[float, float]  # across and down, 0 to 1 within the film

_FINENESS = 2  # pixels drawn to one of a film of 224 × 224
_SIDE = 224 * _FINENESS
_STEPS = 24  # straight pieces of a curve


class Overlay:
    """What is drawn over one film; each method adds to it.

    Args:
        grey: the film.
    """

    def __init__(self, grey: Grey) -> None:
        self._grey = grey
        scale = _SIDE / math.sqrt(grey.shape[0] * grey.shape[1])
        self._height, self._width = (max(8, round(side * scale)) for side in grey.shape)
        self._ink: NDArray[np.uint8] = np.zeros((self._height, self._width), dtype=np.uint8)
        self._flesh, self._bone = np.zeros_like(self._ink), np.zeros_like(self._ink)

    def letter(self, text: str, x: float, y: float, size: float, left: bool, top: bool) -> None:
        """A letter of `size` pixels whose outer edges are x and y away from the named corner's sides."""
        high = round(size * _FINENESS)
        factor = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, high, thickness := max(2, high // 6))
        (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, factor, thickness)
        across = round(x * self._width) if left else self._width - round(x * self._width) - wide
        down = round(y * self._height) + high if top else self._height - round(y * self._height)
        cv2.putText(self._ink, text, (across, down), cv2.FONT_HERSHEY_SIMPLEX, factor, 255, thickness, cv2.LINE_AA)

    def plate(self, x: float, y: float, width: float, height: float, left: bool, top: bool) -> None:
        """A bright name plate with two dark lines of writing, x and y away from the named corner's sides."""
        wide, high = round(width * _FINENESS), round(height * _FINENESS)
        across = round(x * self._width) if left else self._width - round(x * self._width) - wide
        down = round(y * self._height) if top else self._height - round(y * self._height) - high
        cv2.rectangle(self._ink, (across, down), (across + wide, down + high), 235, cv2.FILLED)
        for line in (0.4, 0.8):
            text = "A 1234-5" if line < 0.5 else "07 05 19"
            factor = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_PLAIN, max(4, round(0.28 * high)), 1)
            place = across + round(0.06 * wide), down + round(line * high) + 2
            cv2.putText(self._ink, text, place, cv2.FONT_HERSHEY_PLAIN, factor, 60, 1, cv2.LINE_AA)

    def limb(self, places: Sequence[Place], width: float, bone: float) -> None:
        """A rounded limb along some places, with a bone in its middle; a width of 0 leaves either out."""
        for onto, wide in ((self._flesh, width), (self._bone, bone)):
            if wide:
                self._line(onto, places, wide)

    def curve(self, start: Place, turn: Place, end: Place, width: float) -> None:
        """A wire or a tube: a quadratic Bézier curve."""
        part = np.linspace(0, 1, _STEPS)[:, None]
        places = (1 - part) ** 2 * np.array(start) + 2 * part * (1 - part) * np.array(turn) + part**2 * np.array(end)
        self._line(self._ink, [(float(x), float(y)) for x, y in places], width)

    def disc(self, place: Place, radius: float) -> None:
        """An electrode: a disc with a brighter stud in its middle."""
        middle = round(place[0] * self._width), round(place[1] * self._height)
        cv2.circle(self._ink, middle, round(radius * _FINENESS), 150, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(self._ink, middle, round(radius * _FINENESS / 2.5), 255, cv2.FILLED, cv2.LINE_AA)

    def covering(self, level: float) -> Grey:
        """The film under what was drawn; the brightest ink goes the share `level` of the way to white."""
        ink = self._as_film(self._ink) * np.float32(level / 255)
        return as_grey(self._grey + (1 - self._grey) * ink)

    def added(self) -> Grey:
        """The film with the limbs over it: they are soft at the edge, and what is under them shows through."""
        film = self._grey
        for drawn, density, softness in ((self._flesh, 0.3, 2.0), (self._bone, 0.3, 1.2)):
            soft = np.asarray(cv2.GaussianBlur(drawn, (0, 0), softness * _FINENESS), dtype=np.uint8)
            film = film + (1 - film) * self._as_film(soft) * np.float32(density / 255)
        return as_grey(film)

    def _line(self, onto: NDArray[np.uint8], places: Sequence[Place], width: float) -> None:
        size = np.array([self._width, self._height])
        points = np.rint(np.array(places) * size * 16).astype(np.int32)  # four bits below the pixel
        cv2.polylines(onto, [points], False, 255, max(1, round(width * _FINENESS)), cv2.LINE_AA, 4)

    def _as_film(self, drawn: NDArray[np.uint8]) -> Grey:
        height, width = self._grey.shape
        way = cv2.INTER_AREA if height <= self._height else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(drawn, (width, height), interpolation=way), dtype=np.float32)
