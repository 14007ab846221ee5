"""Work in parallel keeps the order, holds little in memory, and stops at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator

import pytest

from hilum.workers import map_batches, map_in_order

SIZE = 8
Run = Callable[[Callable[[int], int], Iterable[int], int], Generator[int]]


def in_batches(work: Callable[[int], int], items: Iterable[int], workers: int) -> Generator[int]:
    return map_batches(lambda some: [work(item) for item in some], items, SIZE, workers)


@pytest.fixture(params=[map_in_order, in_batches], ids=["one by one", "in batches"])
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.param
    return chosen


@pytest.mark.parametrize("number", [0, 1, SIZE, 100])
@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_whichever_is_first(run: Run, number: int, workers: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.001 * (item // SIZE % 3) / SIZE)
        return item * item

    assert list(run(work, range(number), workers)) == [item * item for item in range(number)]


def test_no_more_is_taken_than_is_worked_on(run: Run) -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = run(lambda item: item, endless(), 2)
    for number, result in zip(range(1000), results, strict=False):
        assert result == number
        assert len(taken) <= number + 6 * SIZE
    results.close()


def test_only_so_many_are_ahead_as_asked_for() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    for number, _ in enumerate(map_in_order(lambda item: item, items(), 2, ahead=5)):
        assert len(taken) <= number + 6


def test_threads_work_at_once() -> None:
    both = threading.Barrier(2, timeout=10)

    def work(some: list[int]) -> list[int]:
        both.wait()
        return some

    assert list(map_batches(work, range(2 * SIZE), SIZE, workers=2)) == list(range(2 * SIZE))


def test_an_error_ends_it_in_its_turn_and_no_thread_stays(run: Run) -> None:
    def work(item: int) -> int:
        if item >= 3 * SIZE:
            raise MemoryError
        return item

    got: list[int] = []
    results = run(work, range(1000), 2)
    with pytest.raises(MemoryError):
        got.extend(results)
    assert got == list(range(3 * SIZE))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hilum_")]


def test_who_stops_asking_waits_for_no_more_than_is_under_way(run: Run) -> None:
    worked: list[int] = []

    def work(item: int) -> int:
        worked.append(item)
        return item

    results = run(work, range(1000), 2)
    next(results)
    results.close()
    assert len(worked) <= 6 * SIZE
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hilum_")]
