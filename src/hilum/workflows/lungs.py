"""The lungs of films, drawn on them, and what is unusual about how they lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum.errors import FilmError, RequestError
from hilum.records.reasons import NO_LUNGS

LARGEST = 1024  # of a picture's longer side, in pixels
_LINE = (230, 159, 0)  # Okabe and Ito's orange: neither a film's grey nor lost on those who tell no red from green


class FilmLungs(Struct, frozen=True):
    """What was found of one film's lungs.

    Attributes:
        path: the film, as the user named it.
        picture: the PNG with their outline; empty if the film could not be read.
        share: the share of the film that they take, 0 to 1; null if none were found.
        frontal: the probability that this is a frontal chest film, 0 to 1; null if the film could not be read.
        rotation: by how many degrees clockwise it seems to be rotated: 0, 90, 180 or 270.
        remarks: what is unusual about how they lie.
        reason: why none were found; empty if they were.
        error: why the film could not be read; empty if it could.
    """

    path: str
    picture: str = ""
    share: float | None = None
    frontal: float | None = None
    rotation: int = 0
    remarks: tuple[str, ...] = ()
    reason: str = ""
    error: str = ""

    def __str__(self) -> str:
        """The same as one line."""
        if self.error or self.frontal is None:
            return f"{self.path}: {self.error}"
        found = f"{NO_LUNGS}{self.reason}" if self.share is None else f"lungs take {self.share:.0%} of the film"
        return "; ".join((f"{self.path}: {found}", f"frontal {self.frontal:.2f}", *self.remarks))


def draw_lungs(films: Sequence[str | Path], out: str | Path) -> tuple[FilmLungs, ...]:
    """Find the lungs in films and draw their outline on each.

    Args:
        films: paths of films and of folders of them.
        out: a file that ends in `.png`, for one film; or a folder, which gets `0001.png` and so on.

    Raises:
        LayoutError: there is no such film.
        RequestError: several films and one picture, or the picture is one of the films.
    """
    from hilum import pixels
    from hilum.films import find
    from hilum.lungs import find_lungs

    out, found = Path(out), find(list(films))
    one = out.suffix.lower() == ".png"
    if one and len(found) > 1:
        raise RequestError(f"--out {out}: one picture, and there are {len(found)} films; name a folder")
    pictures = [out if one else out / f"{number:04d}.png" for number in range(1, len(found) + 1)]
    named = {os.path.realpath(film.path) for film in found}
    for picture in pictures:
        if os.path.realpath(picture) in named:
            raise RequestError(f"--out {picture}: that is a film itself, which is never replaced; name another place")
    if not one and out.exists() and not out.is_dir():
        raise RequestError(f"--out {out}: a file; name a folder, or a file that ends in .png for one film")
    rows = []
    for film, picture in zip(found, pictures, strict=True):
        try:
            grey = pixels.decode(film.path)
        except FilmError as error:
            rows.append(FilmLungs(film.path, error=error.reason))
            continue
        lungs = find_lungs(grey)
        _write(picture, outlined(grey, lungs.mask))
        share = None if lungs.mask is None else float(lungs.mask.mean())
        row = FilmLungs(film.path, str(picture), share, lungs.frontal, lungs.rotation, lungs.remarks, lungs.reason)
        rows.append(row)
    return tuple(rows)


def outlined(grey: NDArray[np.float32], mask: NDArray[np.bool_] | None, largest: int = LARGEST) -> NDArray[np.uint8]:
    """Draw the outline of the lungs on a film.

    Args:
        grey: (height, width), 0 to 1.
        mask: (height, width) of the lungs; None draws the film alone.
        largest: of the picture's longer side, in pixels; a smaller film keeps its size.

    Returns:
        (h, w, 3) uint8, RGB.
    """
    import cv2

    scale = min(1.0, largest / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    film = np.rint(cv2.resize(grey, size, interpolation=cv2.INTER_AREA) * 255).astype(np.uint8)
    drawn = np.ascontiguousarray(np.repeat(film[..., None], 3, axis=2))
    if mask is not None:
        small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
        outlines, _ = cv2.findContours(small.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, _LINE, max(1, min(drawn.shape[:2]) // 200), cv2.LINE_AA)
    return drawn


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    from PIL import Image

    from hilum.files import replacing

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")
