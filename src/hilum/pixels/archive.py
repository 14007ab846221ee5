"""Members of MedMNIST archives (Yang et al., Sci Data 10, 2023): `archive.npz#train/17` is `train_images[17]`."""

from __future__ import annotations

import os
import re
import threading
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError, NotAFileError
from hilum.pixels.arrays import ArrayError, read_array
from hilum.pixels.formats import one_line

_MEMBER = re.compile(r"(?P<archive>.*\.npz)#(?P<split>\w+)/(?P<row>\d{1,12})", re.IGNORECASE | re.DOTALL | re.ASCII)
_loading = threading.Lock()  # without it, every decoding thread would load the same array at once


def is_member(path: str) -> bool:
    """Whether a path names a member of an archive; a file of exactly that name is a file."""
    return ".npz#" in path.lower() and not os.path.isfile(path)


def read_member(path: str) -> NDArray[np.generic]:
    """One film of an archive as it is stored: (height, width), or (height, width, 1 or 3), numeric.

    The array that holds it is cached for the next call (at most two arrays in a process).

    Raises:
        FilmError: the archive or the member is missing, damaged, pickled, or not an array of films.
    """
    match = _MEMBER.fullmatch(path)
    if not match:
        raise FilmError(path, "not a member of an archive; write it as archive.npz#train/17")
    archive, name, row = match["archive"], f"{match['split']}_images", int(match["row"])
    try:
        state = os.stat(archive)
        with _loading:
            films = _films(archive, name, state.st_mtime_ns, state.st_size)
    except ArrayError as error:
        raise FilmError(path, str(error)) from None
    except NotAFileError as error:
        raise FilmError(path, f"the archive is {error.reason}") from None
    except (FileNotFoundError, NotADirectoryError):
        raise FilmError(path, f"there is no archive {archive}; correct the path") from None
    except (OSError, ValueError) as error:
        raise FilmError(path, f"the archive cannot be opened ({one_line(error)}); correct the path") from None
    grey, colour = films.ndim == 3, films.ndim == 4 and films.shape[3] in (1, 3)
    if not (grey or colour) or films.dtype.kind not in "uif":
        raise FilmError(
            path, f"'{name}' is {films.dtype} of shape {films.shape}; expected numeric films×height×width[×3]"
        )
    if row >= len(films):
        raise FilmError(path, f"'{name}' has {len(films)} films, numbered from 0; index it again with: hilum index")
    film: NDArray[np.generic] = films[row]
    return film


@lru_cache(maxsize=2)
def _films(archive: str, name: str, mtime_ns: int, size: int) -> NDArray[np.generic]:
    """A whole array of an archive; time and size are arguments so that a replaced file is read anew."""
    return read_array(archive, name)
