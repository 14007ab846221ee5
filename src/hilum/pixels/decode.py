"""Any film as one grey array; the decoder is chosen by a file's bytes, never by its name."""

from __future__ import annotations

import hashlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError, NotAFileError, reason_of
from hilum.files import open_regular, sha256_of
from hilum.pixels.archive import is_member, read_member
from hilum.pixels.bounds import MAX_FILE_BYTES, room_for_picture
from hilum.pixels.formats import MIN_SIDE, PICTURES, READ, name_of_format, one_line
from hilum.pixels.pictures import LUMINANCE, Decoded, grey_of, read_picture
from hilum.recipe import GreyScale

DECODE_VERSION = 3  # raise it whenever any film decodes to other values: the pixel caches are named by it

_CHANGED = "changed since it was indexed; index again with: hilum index"


def decode(
    path: str,
    window: tuple[float, float] | None = None,
    expected_sha256: str = "",
    grey_scale: GreyScale = "exposed",
) -> NDArray[np.float32]:
    """Read one film.

    JPEG, PNG, TIFF, BMP, WebP and JPEG 2000 pictures, DICOM radiographs and CT slices, and members of MedMNIST
    archives (`archive.npz#train/17`). Colours become luminance (ITU-R BT.601), transparent pixels become black, an
    EXIF orientation is applied. 8 bits are divided by 255. Deeper pictures, and DICOMs without a window, are
    stretched between the ends of what was exposed (`hilum.pixels.scale`): many files of 16 bits use 12, and would
    be nearly black otherwise.

    Args:
        path: the film, as the user named it.
        window: centre and width, in the modality's units, instead of a DICOM's own; ignored for pictures.
        expected_sha256: what `hash_film` returned when the film was indexed; empty skips the check.
        grey_scale: what becomes black and white where a film does not say it, as in a recipe.

    Returns:
        float32, (height, width), 0 to 1, brighter is denser (MONOCHROME1 is inverted).

    Raises:
        FilmError: the film is missing, changed, damaged, of an unsupported kind, below 16×16 or above 100
            million pixels, or the same everywhere. Nothing else is raised, whatever the bytes are.
    """
    return decode_scaled(path, window, expected_sha256, None, grey_scale).grey


def decode_scaled(
    path: str,
    window: tuple[float, float] | None,
    expected_sha256: str,
    scale_of: Callable[[int, int], int] | None,
    grey_scale: GreyScale = "exposed",
) -> Decoded:
    """Read one film as `decode` does, a JPEG at a fraction of its size if that is allowed.

    Args:
        path: as for `decode`.
        window: as for `decode`.
        expected_sha256: as for `decode`.
        scale_of: from a film's height and width to the largest scale allowed: 1, 2, 4 or 8.
        grey_scale: as for `decode`.

    Raises:
        FilmError: as `decode`.
    """
    try:
        with without_warnings():
            if is_member(path):
                decoded = _read_member(path, expected_sha256, grey_scale)
            else:
                decoded = _read_file(path, window, expected_sha256, scale_of, grey_scale)
    except FilmError:
        raise
    except MemoryError:
        raise FilmError(path, "needs more memory than there is; close other programs or remove it") from None
    except Exception as error:  # other people's parsers, on bytes from anywhere: what they may raise is not bounded
        # Pillow's own words are for people; those of a mistake that damage led it to are not.
        words = one_line(reason_of(error)) if isinstance(error, (OSError, SyntaxError, ValueError)) else "damaged"
        why = f" ({words})" if words != "damaged" else ""
        raise FilmError(path, f"damaged{why}; copy it again from its source") from None
    _check(path, decoded)
    return decoded


def grey_of_array(
    array: NDArray[np.generic], name: str = "array", grey_scale: GreyScale = "exposed"
) -> NDArray[np.float32]:
    """Convert a film that is in memory to what `decode` gives for one that is in a file.

    Args:
        array: (height, width), or (height, width, 1 or 3) with colours as RGB. uint8 is divided by 255; deeper
            integers are stretched between the ends of what was exposed; floats lie between 0 and 1.
        name: what an error calls the film.
        grey_scale: what becomes black and white of deeper integers, as in a recipe.

    Returns:
        (height, width) float32, 0 to 1, brighter is denser.

    Raises:
        FilmError: another shape or type, floats that are outside 0 to 1 or not finite, a film below 16×16 pixels,
            or the same value everywhere.

    >>> grey_of_array(np.arange(256, dtype=np.uint8).reshape(16, 16))[0, :2].tolist()
    [0.0, 0.003921568859368563]
    """
    return decode_array(array, name, grey_scale).grey


def decode_array(array: NDArray[np.generic], name: str, grey_scale: GreyScale) -> Decoded:
    """Convert a film that is in memory as `grey_of_array` does, with its remarks.

    Raises:
        FilmError: as `grey_of_array`.
    """
    array = np.asarray(array)
    remarks: tuple[str, ...] = ()
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))) or array.dtype.kind not in "uif":
        raise FilmError(
            name, f"{array.dtype} of shape {array.shape}; give numbers of shape (height, width) or (height, width, 3)"
        )
    if array.dtype.kind != "f":
        grey, remarks = grey_of(name, array, grey_scale)
    elif not np.isfinite(array).all():
        raise FilmError(name, "holds values that are NaN or infinite; replace them")
    elif array.size and not 0 <= float(array.min()) <= float(array.max()) <= 1:
        raise FilmError(name, "holds floats outside 0 to 1; scale them to 0 to 1, or give integers")
    else:
        grey = (array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array).astype(np.float32)
        if grey.ndim == 3:
            grey = grey @ LUMINANCE
    decoded = Decoded(grey, grey.shape, remarks=remarks)
    _check(name, decoded)
    return decoded


def hash_film(path: str) -> str:
    """The SHA-256 of a film, in hexadecimal: of the file's bytes, or of the array's for a member of an archive.

    Raises:
        FilmError: the film is missing or cannot be read.
    """
    if is_member(path):
        return _hash_array(read_member(path))
    try:
        return sha256_of(Path(path))
    except (OSError, ValueError) as error:
        raise _unopened(path, error) from None


def _read_member(path: str, expected_sha256: str, grey_scale: GreyScale) -> Decoded:
    array = read_member(path)
    if expected_sha256 and _hash_array(array) != expected_sha256:
        raise FilmError(path, _CHANGED)
    grey, remarks = grey_of(path, array, grey_scale)
    return Decoded(grey, grey.shape, remarks=remarks)


def _read_file(
    path: str,
    window: tuple[float, float] | None,
    expected_sha256: str,
    scale_of: Callable[[int, int], int] | None,
    grey_scale: GreyScale,
) -> Decoded:
    data = _bytes_of(path)
    if expected_sha256 and hashlib.sha256(data).hexdigest() != expected_sha256:
        raise FilmError(path, _CHANGED)
    kind = name_of_format(data)
    if kind in PICTURES:
        with room_for_picture(path, data):
            return read_picture(path, data, kind, scale_of, grey_scale)
    if kind == "DICOM" or kind.startswith("a DICOM data set"):
        from hilum.pixels.dicom import read_dicom

        return read_dicom(path, data, window, grey_scale)
    raise FilmError(path, f"{kind}; {READ}: convert it to PNG, or remove it")


def _bytes_of(path: str) -> bytes:
    """The whole file, read once, so that what is hashed is what is decoded."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise FilmError(path, f"has {size >> 20:,} MiB; a film has at most {MAX_FILE_BYTES >> 20} MiB")
            data = file.read(size + 1)
    except (OSError, ValueError) as error:
        raise _unopened(path, error) from None
    if not data:
        raise FilmError(path, "an empty file; copy it again from its source")
    return data


def _unopened(path: str, error: OSError | ValueError) -> FilmError:
    match error:
        case NotAFileError():
            return FilmError(path, error.reason)
        case FileNotFoundError() | NotADirectoryError():
            return FilmError(path, "no such file; correct the path, or index again with: hilum index")
        case IsADirectoryError():
            return FilmError(path, "a folder, not a film; give the films in it")
        case PermissionError():
            return FilmError(path, "this user has no permission to read it; change its permissions")
    return FilmError(path, f"cannot be opened ({one_line(error)})")


def _check(path: str, decoded: Decoded) -> None:
    """The checks for every film, whichever decoder it came from."""
    grey, shape = decoded.grey, decoded.shape
    if min(shape) < MIN_SIDE:
        height, width = shape
        raise FilmError(path, f"{width}×{height} pixels; a film has at least {MIN_SIDE}×{MIN_SIDE}")
    low, high = float(grey.min()), float(grey.max())
    if not np.isfinite(low + high):
        raise FilmError(path, "has values that are NaN or infinite; write it again without them")
    if low == high:
        raise FilmError(path, "every pixel has the same value: an empty exposure or a failed export; remove it")


def _hash_array(array: NDArray[np.generic]) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


_quiet = threading.Lock()
_quiet_now = 0
_quiet_filters = warnings.catch_warnings()


@contextmanager
def without_warnings() -> Iterator[None]:
    """Suppress the decoders' warnings: the user can do nothing about a tag's wrong padding.

    `warnings.catch_warnings` alone restores a wrong state when threads overlap. Here the first thread sets the filter
    and the last one removes it.
    """
    global _quiet_now, _quiet_filters
    with _quiet:
        if not _quiet_now:
            _quiet_filters = warnings.catch_warnings()
            _quiet_filters.__enter__()
            warnings.simplefilter("ignore")
        _quiet_now += 1
    try:
        yield
    finally:
        with _quiet:
            _quiet_now -= 1
            if not _quiet_now:
                _quiet_filters.__exit__(None, None, None)
