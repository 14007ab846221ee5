"""How much memory there is, and how a person says how much may be taken."""

from __future__ import annotations

import math
from pathlib import Path

from hilum.errors import RequestError


def free_memory() -> float:
    """Bytes that a process may still take of the machine or the container; infinite where nobody knows."""
    free = float("inf")
    if (meminfo := Path("/proc/meminfo")).exists():
        lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        free = min(free, float(text) - float(used.read_text()))
    return free


def parse_memory(text: str) -> int:
    """`8GB`, `900MB` or `16GiB` in bytes.

    Raises:
        RequestError: it is none of these.
    """
    units = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}
    for unit, factor in units.items():
        number = text.strip().removesuffix(unit)
        if number != text.strip():
            try:
                value = float(number)
            except ValueError:
                break
            if 0 < value < math.inf:
                return int(value * factor)
            break
    raise RequestError(f"--memory {text}: write it as 8GB or 900MB")
