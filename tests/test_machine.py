"""What a process may use of its machine, as affinity and control groups grant it; and figures measured once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hilum import machine
from hilum.errors import RequestError
from hilum.machine import free_memory, is_limited, parse_memory, processor_name, processors

MEMINFO = "MemTotal:       16000 kB\nMemAvailable:   8000 kB\n"
Write = Callable[[str, str], None]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A machine of 8 processors and 8,192,000 free bytes; writes a file of it, below `proc` or `cgroup`."""

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    monkeypatch.setattr(machine, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    write("proc/meminfo", MEMINFO)
    write("proc/self/cgroup", "0::/\n")
    return write


def test_without_a_limit_it_is_what_affinity_grants(system: Write) -> None:
    assert processors() == 8
    system("cgroup/cpu.max", "max 100000\n")
    assert processors() == 8


@pytest.mark.parametrize(("quota", "count"), [(50_000, 1), (100_000, 1), (150_000, 2), (400_000, 4), (3_200_000, 8)])
def test_a_quota_counts_in_whole_processors(system: Write, quota: int, count: int) -> None:
    system("cgroup/cpu.max", f"{quota} 100000\n")
    assert processors() == count
    assert is_limited() == (count < 8)


def test_the_groups_around_a_process_limit_it_too(system: Write) -> None:
    system("proc/self/cgroup", "0::/system.slice/hilum.service\n")
    system("cgroup/system.slice/cpu.max", "300000 100000\n")
    system("cgroup/system.slice/hilum.service/cpu.max", "max 100000\n")
    assert processors() == 3
    system("cgroup/system.slice/hilum.service/cpu.max", "200000 100000\n")
    assert processors() == 2


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("inside", ["", "docker/a1"])
def test_quotas_of_version_1(system: Write, folder: str, inside: str) -> None:
    # In a container the path is often the host's, and only the folder of the controller is there.
    system("proc/self/cgroup", "5:memory:/docker/a1\n4:cpu,cpuacct:/docker/a1\n0::/\n")
    system(f"cgroup/{folder}/{inside}/cpu.cfs_quota_us", "-1\n")
    system(f"cgroup/{folder}/{inside}/cpu.cfs_period_us", "100000\n")
    assert processors() == 8
    system(f"cgroup/{folder}/{inside}/cpu.cfs_quota_us", "250000\n")
    assert processors() == 3


def test_files_that_say_nothing_stop_nobody(system: Write) -> None:
    for name in ("cgroup/cpu.max", "cgroup/memory.max", "proc/meminfo", "proc/self/cgroup", "proc/cpuinfo"):
        system(name, "")
    assert processors() == 8
    assert free_memory() == math.inf
    processor_name()


def test_where_there_is_no_proc(system: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROC", tmp_path / "nowhere")
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert processors() == 5
    assert free_memory() == math.inf


def test_memory_is_what_the_machine_or_the_container_has_left(system: Write) -> None:
    assert free_memory() == 8_192_000
    system("cgroup/memory.max", "max\n")
    system("cgroup/memory.current", "1000\n")
    assert free_memory() == 8_192_000
    system("cgroup/memory.max", "5000\n")
    assert free_memory() == 4000


def test_what_is_only_kept_of_files_counts_as_free(system: Write) -> None:
    system("cgroup/memory.max", "5000\n")
    system("cgroup/memory.current", "4500\n")
    system("cgroup/memory.stat", "anon 500\ninactive_file 4000\n")
    assert free_memory() == 4500


def test_memory_of_version_1(system: Write) -> None:
    system("proc/self/cgroup", "5:memory:/docker/a1\n")
    system("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    system("cgroup/memory/memory.usage_in_bytes", "1000\n")
    assert free_memory() == 8_192_000
    system("cgroup/memory/docker/a1/memory.limit_in_bytes", "6000\n")
    system("cgroup/memory/docker/a1/memory.usage_in_bytes", "3000\n")
    assert free_memory() == 3000
    system("cgroup/memory/docker/a1/memory.stat", "inactive_file 7\ntotal_inactive_file 500\n")
    assert free_memory() == 3500


def test_the_processors_name(system: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "of the platform")
    assert processor_name() == "of the platform"
    system("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\ncpu family\t: 6\n\nmodel name\t: another\n")
    assert processor_name() == "Some CPU"
    assert machine.processor_fields()["cpu family"] == "6"


@pytest.mark.parametrize(("text", "count"), [("8GB", 8 * 10**9), ("900 MB", 9 * 10**8), ("1.5GiB", 3 * 2**29)])
def test_memory_is_read_as_people_write_it(text: str, count: int) -> None:
    assert parse_memory(text) == count


@pytest.mark.parametrize("text", ["8", "GB", "-1GB", "eightGB", "0GB", "infGB", "nanGB", ""])
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="write it as 8GB or 900MB"):
        parse_memory(text)
