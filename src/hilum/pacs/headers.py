"""A film's header as results take it over: a bounded part of the file, whatever that claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import FilmError
from hilum.files import open_regular
from hilum.pixels.bounds import CountedBytes
from hilum.pixels.decode import without_warnings
from hilum.pixels.dicom.parse import DEFLATED, parse

if TYPE_CHECKING:
    from pydicom import Dataset

_HEAD = 1 << 20  # bytes: a radiograph's elements before its pixels are a few thousand
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
    from pydicom.filereader import read_file_meta_info, read_partial

    with open_regular(path) as file:
        head = file.read(_HEAD)
        try:
            with without_warnings(), config.disable_value_validation():
                whole = head[128:132] == b"DICM"  # else a data set alone, with or without a file's meta information
                if whole and str(read_file_meta_info(path).get("TransferSyntaxUID", "")) == DEFLATED:
                    return parse(_NAME, head + file.read(), []).ds
                counted = CountedBytes(_NAME, head)
                return read_partial(counted, stop_when=lambda tag, *_: tag >= 0x7FE00008, force=True)
        except FilmError:
            raise
        except Exception:  # what pydicom raises of a damaged file is not bounded
            raise FilmError(_NAME, "its header is damaged; fetch it again from its source") from None
