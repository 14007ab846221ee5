"""Work that waits together is done together, and one piece that fails takes no other with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from hilum.answering.together import Together


class Doubling:
    """Doubles numbers, one list at a time once `gate` is open; notes the lists."""

    def __init__(self) -> None:
        self.begun, self.gate, self.batches = threading.Event(), threading.Event(), list[list[int]]()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.begun.set()
        self.gate.wait(10)
        self.batches.append(list(items))
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
def together(doubling: Doubling) -> Iterator[Together[int, int]]:
    work = Together("test", doubling, most=4)
    yield work
    doubling.gate.set()
    work.close()


def test_what_is_handed_in_together_is_worked_on_together(doubling: Doubling, together: Together[int, int]) -> None:
    async def ask() -> list[int]:
        waiting = [together.submit(number) for number in range(4)]
        doubling.gate.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == [0, 2, 4, 6]
    assert doubling.batches == [[0, 1, 2, 3]]


def test_what_comes_meanwhile_is_next_and_no_batch_is_too_large(
    doubling: Doubling, together: Together[int, int]
) -> None:
    async def ask() -> list[int]:
        first = together.submit(100)
        await asyncio.to_thread(doubling.begun.wait)
        following = []
        for number in range(6):
            following.append(together.submit(number))
            await asyncio.sleep(0)
        doubling.gate.set()
        return await asyncio.gather(first, *following)

    assert asyncio.run(ask()) == [200, 0, 2, 4, 6, 8, 10]
    assert doubling.batches == [[100], [0, 1, 2, 3], [4, 5]]


def test_one_that_fails_takes_no_other_with_it(doubling: Doubling, together: Together[int, int]) -> None:
    async def ask() -> list[int | BaseException]:
        doubling.gate.set()
        return await asyncio.gather(*(together.submit(n) for n in (1, 13, 2)), return_exceptions=True)

    one, error, two = asyncio.run(ask())
    assert (one, two) == (2, 4)
    assert isinstance(error, ValueError)


def test_what_nobody_waits_for_any_more_is_left_out(doubling: Doubling, together: Together[int, int]) -> None:
    async def ask() -> int:
        first = together.submit(100)
        await asyncio.to_thread(doubling.begun.wait)
        gone, wanted = together.submit(1), together.submit(2)
        gone.cancel()
        doubling.gate.set()
        return await first + await wanted

    assert asyncio.run(ask()) == 204
    assert doubling.batches == [[100], [2]]


def test_closing_finishes_what_was_handed_in(doubling: Doubling) -> None:
    work = Together("test", doubling)

    async def ask() -> int:
        waiting = work.submit(21)
        await asyncio.sleep(0)
        doubling.gate.set()
        await asyncio.to_thread(work.close)
        return await waiting

    assert asyncio.run(ask()) == 42
