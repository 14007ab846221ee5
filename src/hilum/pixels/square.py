"""From a file, or an array, to the square that a model is given: the same for training and prediction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.decode import decode_array, decode_scaled
from hilum.pixels.film_header import FilmHeader
from hilum.pixels.pictures import Decoded
from hilum.pixels.preprocess import largest_scale, preprocess_scaled
from hilum.recipe import Pixels

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

Look = Callable[[NDArray[np.float32]], None]


class Square(NamedTuple):
    """A preprocessed film.

    Attributes:
        levels: uint8, (size, size).
        shape: height and width of the film itself, in pixels.
        remarks: what a person should know about how it was read, in words; empty where all is as usual.
        lungs: uint8, (size, size), where the recipe crops films to the lungs: 255 inside them, 0 elsewhere, and so
            everywhere if none were found.
        doubt: why a detector withholds its answer to what is shown here: "no lungs found: …", or in words that follow
            "it"; empty where there is no doubt.
        whole: uint8, (128, 128), the whole film where the recipe crops films to the lungs.
        header: what a DICOM says of itself.
        region: top, left, bottom and right of what is shown, in pixels of the film.
    """

    levels: NDArray[np.uint8]
    shape: tuple[int, ...]
    remarks: tuple[str, ...] = ()
    lungs: NDArray[np.uint8] | None = None
    doubt: str = ""
    whole: NDArray[np.uint8] | None = None
    header: FilmHeader = FilmHeader()
    region: tuple[int, int, int, int] | None = None

    def seen(self, of_whole: bool) -> NDArray[np.uint8]:
        """What a gate is shown: the whole film, or what the detector is shown; of most recipes they are the same."""
        return self.whole if of_whole and self.whole is not None else self.levels


def read_square(
    path: str, spec: Pixels, expected_sha256: str = "", lungs: LungFinder | None = None, look: Look | None = None
) -> Square:
    """Decode and preprocess one film.

    A JPEG that is much larger than the square is decoded at a fraction of its size (`largest_scale`), which
    leaves out most of the work of preprocessing; any other film gives `preprocess(decode(path), spec)`.

    Args:
        path: the film, as the user named it.
        spec: the `[pixels]` of a recipe.
        expected_sha256: as for `decode`.
        lungs: the network that finds the lungs, as for `preprocess`.
        look: is given the decoded film, (height, width), 0 to 1, so that whoever wants to know more of it need not
            decode it again.

    Raises:
        FilmError: as for `decode`.
        RequestError: the recipe names another lung network than this one.
    """
    film = decode_scaled(path, spec.window, expected_sha256, partial(largest_scale, spec=spec), spec.grey_scale)
    if look is not None:
        look(film.grey)
    return _square(film, spec, lungs)


def square_of(
    array: NDArray[np.generic], spec: Pixels, name: str = "array", lungs: LungFinder | None = None
) -> Square:
    """Preprocess a film that is in memory, as `read_square` does one that is in a file.

    Args:
        array: the film, as for `grey_of_array`.
        spec: the `[pixels]` of a recipe; its window is not applied.
        name: what an error calls the film.
        lungs: the network that finds the lungs, as for `preprocess`.

    Raises:
        FilmError: as for `grey_of_array`.
        RequestError: as `read_square`.

    >>> film = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    >>> square_of(film, Pixels(size=32)).levels.shape
    (32, 32)
    """
    return _square(decode_array(array, name, spec.grey_scale), spec, lungs)


def _square(film: Decoded, spec: Pixels, lungs: LungFinder | None) -> Square:
    made = preprocess_scaled(film.grey, spec, film.shape, film.scale, lungs)
    remarks = film.remarks + made.remarks
    return Square(made.levels, film.shape, remarks, made.lungs, made.doubt, made.whole, film.header, made.region)
