"""Work in parallel keeps the order, holds little in memory, and stops at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hilum.inference.pipeline import TOGETHER, in_parallel


@pytest.mark.parametrize("number", [0, 1, TOGETHER, 100])
@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_whoever_is_first(number: int, threads: int) -> None:
    def work(part: list[int]) -> list[int]:
        time.sleep(0.001 * (part[0] % 3))
        return [item * item for item in part]

    assert list(in_parallel(range(number), work, threads)) == [item * item for item in range(number)]


def test_no_more_is_taken_than_is_worked_on() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = in_parallel(endless(), lambda part: part, threads=2)
    for number, result in zip(range(1000), results, strict=False):
        assert result == number
        assert len(taken) <= number + 6 * TOGETHER
    results.close()


def test_threads_work_at_once() -> None:
    both = threading.Barrier(2, timeout=10)

    def work(part: list[int]) -> list[int]:
        both.wait()
        return part

    assert list(in_parallel(range(2 * TOGETHER), work, threads=2)) == list(range(2 * TOGETHER))


def test_an_error_ends_it_and_no_thread_stays() -> None:
    def work(part: list[int]) -> list[int]:
        if part[0] >= 3 * TOGETHER:
            raise MemoryError
        return part

    got: list[int] = []
    results = in_parallel(range(1000), work, threads=2)
    with pytest.raises(MemoryError):
        got.extend(results)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("films")]


def test_who_stops_asking_waits_for_no_more_than_is_under_way() -> None:
    worked: list[list[int]] = []

    def work(part: list[int]) -> list[int]:
        worked.append(part)
        return part

    results = in_parallel(range(1000), work, threads=2)
    next(results)
    results.close()
    assert len(worked) <= 6
