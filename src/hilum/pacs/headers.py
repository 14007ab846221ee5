"""A film's header as results take it over, read as the film itself is: by what the data set is, not what it says."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import FilmError
from hilum.files import open_regular
from hilum.pixels.decode import without_warnings
from hilum.pixels.dicom.parse import parse_head

if TYPE_CHECKING:
    from pydicom import Dataset

_HEAD = 1 << 20  # bytes, enough for nearly every film: the elements before its pixels are a few thousand
_NAME = "the film"  # its path says nothing to anybody


def read_header(path: Path) -> Dataset:
    """The elements of a film before its pixels.

    Args:
        path: the film.

    Raises:
        FilmError: it is damaged so that not even these can be read.
        OSError: it cannot be opened.
    """
    from pydicom import config

    with open_regular(path) as file, without_warnings(), config.disable_value_validation():
        head = file.read(_HEAD)
        with suppress(Exception):  # what pydicom raises of a file that is cut off in the middle is not bounded
            header, whole = parse_head(_NAME, head)
            if whole:
                return header
        try:  # large values before the pixels, a deflated film, or one without pixels
            return parse_head(_NAME, head + file.read())[0]
        except FilmError:
            raise
        except Exception:  # likewise of a damaged one
            raise FilmError(_NAME, "its header is damaged; fetch it again from its source") from None
