"""What this machine has: processors, memory, the processor's name.

A container or a job scheduler may grant a process less than the machine has. Both its affinity and the limits of its
control groups (cgroup v1 and v2: `docker run --cpus 2 --memory 4g`, `CPUQuota=` of systemd, a pod's limits) count.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hilum.errors import RequestError

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


def processors() -> int:
    """Return how many processors this process may use, at least 1.

    That is its affinity, or the quota of its control groups where that is less; a part of a processor counts as one.

    >>> processors() >= 1
    True
    """
    return max(1, math.ceil(min([_affinity(), *_quotas()])))


def is_limited() -> bool:
    """Whether a control group grants fewer processors than the affinity, which is what libraries count."""
    return processors() < _affinity()


def processor_fields() -> dict[str, str]:
    """Return what Linux says about the first processor (`/proc/cpuinfo`), such as "model name"; empty elsewhere."""
    with suppress(OSError):
        text = (_PROC / "cpuinfo").read_text(encoding="utf-8", errors="replace")
        fields = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
        return {name.strip(): value.strip() for name, _, value in fields}
    return {}


def processor_name() -> str:
    """Return the processor's model as far as the system knows it, such as "AMD EPYC 9B45"; else empty."""
    return processor_fields().get("model name") or platform.processor()


def free_memory() -> float:
    """Return the bytes that this process may still take of machine and control groups; infinite where unknown."""
    free = math.inf
    with suppress(OSError, ValueError, KeyError):
        lines = dict(line.split(":") for line in (_PROC / "meminfo").read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
    return min([free, *_memory_left()])


def address_space_left() -> float:
    """Return the bytes that this process may still map (`ulimit -v`); infinite where that is not limited.

    >>> address_space_left() > 0
    True
    """
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int((_PROC / "self" / "statm").read_text().split()[0])
            return max(0.0, float(limit - pages * resource.getpagesize()))
    return math.inf


def parse_memory(text: str) -> int:
    """Return an amount of memory in bytes, as a person writes it.

    >>> parse_memory("8GB"), parse_memory("900 MB"), parse_memory("1.5GiB")
    (8000000000, 900000000, 1610612736)

    Raises:
        RequestError: it is not a positive number followed by MB, GB, MiB or GiB.
    """
    for unit, factor in _UNITS.items():
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


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quotas() -> Iterator[float]:
    """How many processors each control group that has a limit grants."""
    for group in _groups(""):
        with suppress(OSError, ValueError):
            quota, period = (group / "cpu.max").read_text().split()
            yield int(quota) / int(period)  # "max" where there is no limit
    for group in _groups("cpu"):
        with suppress(OSError, ValueError):
            quota = (group / "cpu.cfs_quota_us").read_text()
            if int(quota) > 0:  # -1 where there is no limit
                yield int(quota) / int((group / "cpu.cfs_period_us").read_text())


def _memory_left() -> Iterator[float]:
    """What each control group that has a limit has left: what it only keeps of files gives way."""
    names = {"": ("memory.max", "memory.current", "inactive_file")}
    names["memory"] = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    for controller, (limit, usage, cached) in names.items():
        for group in _groups(controller):
            with suppress(OSError, ValueError):
                left = float(int((group / limit).read_text()) - int((group / usage).read_text()))
                with suppress(OSError, ValueError, KeyError):
                    lines = (group / "memory.stat").read_text().splitlines()
                    left += int(dict(line.split() for line in lines)[cached])
                yield max(0.0, left)


def _groups(controller: str) -> Iterator[Path]:
    """The folders of this process's control group and of those around it: of a v1 controller, or of v2 (empty)."""
    with suppress(OSError, ValueError):
        for line in (_PROC / "self" / "cgroup").read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controller not in controllers.split(","):
                continue
            base = _CGROUPS / controllers
            if not base.is_dir():  # v1 is mounted by each controller's own name too
                base = _CGROUPS / controller
            group = base / name.lstrip("/")
            yield from (each for each in (group, *group.parents) if each.is_relative_to(base) and each.is_dir())
