"""A detector's worst errors, for a person to look at."""

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
    """One film whose predicted class is not its label.

    Attributes:
        film: the film.
        called: the predicted class.
        prob: the predicted probability, of the positive class of two or of the predicted class of more.
        image: a JPEG of the decoded film as a `data:` address; empty where no pictures are wanted.
        heat: the same with what speaks for the predicted class laid over it; empty where none was asked for.
    """

    film: Film
    called: str
    prob: float
    image: str
    heat: str = ""


HeatOf = Callable[[Film, str], str]  # of a film and a class, what speaks for the class, as a `data:` address


@dataclass(frozen=True, slots=True)
class Pictures:
    """How the worst errors are shown.

    Attributes:
        window: for decoding a DICOM film, as in the recipe; None takes the file's.
        shown: whether there are pictures at all, or only names.
        heat_of: draws what speaks for a class on a film; None shows the films alone.
    """

    window: tuple[float, float] | None = None
    shown: bool = True
    heat_of: HeatOf | None = None


def worst_mistakes(
    films: BinaryFilms, threshold: float, pictures: Pictures, each: int = EACH
) -> tuple[list[Mistake], list[Mistake]]:
    """The false negatives with the lowest probabilities and the false positives with the highest.

    A film that can no longer be read is skipped, and the next one taken.

    Args:
        films: positive and negative ones, with the probability of the positive class.
        threshold: the probability from which on a film is called positive.
        pictures: how they are shown.
        each: at most so many of either.
    """
    rising = np.argsort(films.probs, kind="stable")
    missed = [index for index in rising if films.labels[index] and films.probs[index] < threshold]
    alarms = [index for index in rising[::-1] if not films.labels[index] and films.probs[index] >= threshold]
    return _shown(films, missed, pictures, each), _shown(films, alarms, pictures, each)


def surest_mistakes(films: BinaryFilms, pictures: Pictures, count: int = 2 * EACH) -> list[Mistake]:
    """The wrongly called films with the highest probabilities of the class that they are called.

    A film that can no longer be read is skipped, and the next one taken.

    Args:
        films: positive where the predicted class is the label, with the probability of the predicted class.
        pictures: how they are shown.
        count: at most so many.
    """
    falling = np.argsort(-films.probs, kind="stable")
    return _shown(films, [index for index in falling if not films.labels[index]], pictures, count)


def _shown(films: BinaryFilms, indices: list[np.intp], pictures: Pictures, each: int) -> list[Mistake]:
    shown: list[Mistake] = []
    for index in indices:
        if len(shown) == each:
            break
        row = films.rows[index]
        try:
            image = thumbnail(row.film, pictures.window) if pictures.shown else ""
            heat = pictures.heat_of(row.film, row.prediction) if pictures.heat_of and pictures.shown else ""
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
