"""Processes that tests and benchmarks look after."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def children_of(process: int) -> list[int]:
    """The processes that one has started, whichever of its threads did (Linux, proc(5))."""
    found: list[int] = []
    for each in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):  # of a thread that has ended meanwhile
            found += map(int, each.read_text().split())
    return found
