"""How loops are compiled by numba, and where the compiled ones are kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import numba

from hilum.errors import RequestError
from hilum.places import cache_folder, is_writable

_numba: Any = numba  # its types know neither the setting nor all of the options
F = TypeVar("F", bound=Callable[..., Any])


def inlined(function: F) -> F:
    """Compile a function into those that call it."""
    compiled: F = _numba.njit(inline="always")(function)
    return compiled


def kernel(**options: object) -> Callable[[F], F]:
    """Compile a loop that runs without the interpreter's lock.

    What is compiled is kept for the next process: in `$NUMBA_CACHE_DIR`, else in Hilum's cache folder. Where neither
    can be written it is compiled anew, in seconds. (numba's own choice would be the folder of the source.)
    """

    def compile(function: F) -> F:
        before = _numba.config.CACHE_DIR
        folder = before
        if not folder:
            with suppress(RequestError):
                folder = str(cache_folder() / "numba") if is_writable(cache_folder()) else ""
        _numba.config.CACHE_DIR = folder
        try:
            compiled: F = _numba.njit(nogil=True, cache=bool(folder), **options)(function)
        finally:
            _numba.config.CACHE_DIR = before
        return compiled

    return compile
