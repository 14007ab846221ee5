"""The films that a detector got most wrong, to be looked at."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.evaluation.truth import BinaryFilms
from hilum.pixels import decode
from hilum.records import Film

EACH = 6  # false negatives, and as many false positives; of several classes twice as many
_SIDE = 280  # the longer side of a thumbnail, in pixels


@dataclass(frozen=True, slots=True)
class Mistake:
    """One film that is called what it is not.

    Attributes:
        film: the film.
        called: the class that it is called.
        prob: the probability that it was given, of the positive class of two or of the class that it is called.
        image: a JPEG of the decoded film as a `data:` address; empty where no pictures are wanted.
        heat: the same of what speaks for the class that it is called, laid over it; empty where nobody asked.
    """

    film: Film
    called: str
    prob: float
    image: str
    heat: str = ""


HeatOf = Callable[[Film, str], str]  # of a film and a class, what speaks for the class, as a `data:` address


def worst_mistakes(
    films: BinaryFilms,
    threshold: float,
    window: tuple[float, float] | None,
    each: int = EACH,
    heat_of: HeatOf | None = None,
    pictures: bool = True,
) -> tuple[list[Mistake], list[Mistake]]:
    """The false negatives with the lowest probabilities and the false positives with the highest.

    A film that cannot be read any more is passed over for the next one.
    """
    rising = np.argsort(films.probs, kind="stable")
    missed = [index for index in rising if films.labels[index] and films.probs[index] < threshold]
    alarms = [index for index in rising[::-1] if not films.labels[index] and films.probs[index] >= threshold]
    return _shown(films, missed, window, each, heat_of, pictures), _shown(
        films, alarms, window, each, heat_of, pictures
    )


def surest_mistakes(
    films: BinaryFilms,
    window: tuple[float, float] | None,
    count: int = 2 * EACH,
    heat_of: HeatOf | None = None,
    pictures: bool = True,
) -> list[Mistake]:
    """The films that are called what they are not with the highest probability of it.

    A film that cannot be read any more is passed over for the next one.

    Args:
        films: positive where the class that they are called is theirs, with the probability of that.
        window: for decoding, as in the recipe.
        count: at most so many.
    """
    falling = np.argsort(-films.probs, kind="stable")
    return _shown(films, [index for index in falling if not films.labels[index]], window, count, heat_of, pictures)


def _shown(
    films: BinaryFilms,
    indices: list[np.intp],
    window: tuple[float, float] | None,
    each: int,
    heat_of: HeatOf | None,
    pictures: bool,
) -> list[Mistake]:
    shown: list[Mistake] = []
    for index in indices:
        if len(shown) == each:
            break
        row = films.rows[index]
        try:
            image = thumbnail(row.film, window) if pictures else ""
            heat = heat_of(row.film, row.prediction) if heat_of and pictures else ""
            shown.append(Mistake(row.film, row.prediction, float(films.probs[index]), image, heat))
        except FilmError:
            continue
    return shown


def thumbnail(film: Film, window: tuple[float, float] | None) -> str:
    """A small JPEG of the whole film, as a `data:` address.

    Raises:
        FilmError: the film cannot be read, or was changed since it was indexed.
    """
    grey = decode(film.path, window, film.sha256)
    return jpeg_of(np.rint(grey * 255).astype(np.uint8))


def jpeg_of(image: NDArray[np.uint8]) -> str:
    """A small JPEG of a picture, `(height, width)` or with colours, RGB, as a `data:` address."""
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if small.ndim == 3:
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
