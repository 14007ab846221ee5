"""Figures that are measured on this machine once, and kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from hilum.files import write_json

T = TypeVar("T")


def measured_once(path: Path, key: str, kind: type[T], measure: Callable[[], T]) -> T:
    """Return what was measured on this machine before; measure it and keep it where it was not.

    Args:
        path: the file that keeps such figures, a JSON object. A damaged file is replaced, and where none can be
            written, each process measures anew.
        key: everything that the figure depends on: processor, versions, threads.
        kind: the figure's type, which msgspec writes and reads.
        measure: is called at most once.
    """
    known: dict[str, T] = {}
    with suppress(OSError, msgspec.DecodeError):
        known = msgspec.json.decode(path.read_bytes(), type=dict[str, kind])  # type: ignore[valid-type]
    if key not in known:
        known[key] = measure()
        with suppress(OSError):
            write_json(path, known)
    return known[key]
