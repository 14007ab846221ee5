"""Films of requests that come at the same time go through the network together; one alone waits for nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from hilum.answering import batching
from hilum.answering.batching import Batcher
from hilum.inference import Detector
from hilum.inference.engines import BATCH_SIZE
from hilum.pixels import Square
from hilum.records import Film, Prediction


class Predicting:
    """In a detector's place: a film's probability is what its first pixel is; 255 is a film that breaks it."""

    seconds = 0.0  # of a forward pass

    def predict_squares(
        self, films: list[Film], squares: list[Square], prevalence: float | None = None
    ) -> list[Prediction]:
        """Rows, in the order of the films."""
        time.sleep(self.seconds)
        values = [int(square.levels[0, 0]) for square in squares]
        if 255 in values:
            raise ValueError("broken")
        why = "" if prevalence is None else str(prevalence)
        return [Prediction(film, (value / 255,), why=why) for film, value in zip(films, values, strict=True)]


@pytest.fixture
def sizes() -> list[int]:
    """Of the batches."""
    return []


@pytest.fixture
def batcher(sizes: list[int]) -> Iterator[Batcher]:
    made = Batcher(cast(Detector, Predicting()), lambda films, _: sizes.append(films))
    yield made
    made.close()


def square(value: int) -> Square:
    return Square(np.full((2, 2), value, np.uint8), (2, 2))


@pytest.fixture
def lingers(batcher: Batcher, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once a film that was submitted waits for others."""
    event, get = threading.Event(), batcher._handover.get

    def get_and_say(*seconds: float) -> Any:
        if seconds:
            event.set()
        return get(*seconds)

    monkeypatch.setattr(batching, "LINGER_SECONDS", 60.0)
    monkeypatch.setattr(batcher._handover, "get", get_and_say)
    return event


def probs(rows: list[Prediction]) -> list[int]:
    return [round(255 * row.probs[0]) for row in rows]


def test_half_of_the_films_on_their_way_is_waited_for(
    batcher: Batcher, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other half is read meanwhile."""
    monkeypatch.setattr(batching, "LINGER_SECONDS", 60.0)

    async def ask() -> list[Prediction]:
        batcher.expect(5)
        waiting = []
        for value in range(5):
            await asyncio.sleep(0.001)
            waiting.append(batcher.submit(square(value)))
        return await asyncio.gather(*waiting)

    assert probs(asyncio.run(ask())) == [0, 1, 2, 3, 4]
    assert sizes[0] >= 3
    assert sum(sizes) == 5


def test_a_film_that_is_alone_waits_for_nobody(batcher: Batcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "LINGER_SECONDS", 60.0)

    async def ask() -> Prediction:
        batcher.expect(1)
        return await asyncio.wait_for(batcher.submit(square(7)), 10)

    assert probs([asyncio.run(ask())]) == [7]


def test_films_that_begin_after_it_are_not_waited_for(batcher: Batcher, lingers: threading.Event) -> None:
    async def ask() -> list[Prediction]:
        batcher.expect(4)
        first = batcher.submit(square(1))
        assert await asyncio.to_thread(lingers.wait, 60)
        batcher.expect(12)
        second = batcher.submit(square(2))
        async with asyncio.timeout(10):
            return [await first, await second]

    assert probs(asyncio.run(ask())) == [1, 2]
    batcher.expect(-14)


def test_a_film_that_will_not_come_is_not_waited_for(batcher: Batcher, lingers: threading.Event) -> None:
    async def ask() -> Prediction:
        batcher.expect(4)
        waiting = batcher.submit(square(1))
        assert await asyncio.to_thread(lingers.wait, 60)
        assert not waiting.done()
        batcher.expect(-3)  # they could not be read
        return await asyncio.wait_for(waiting, 10)

    assert probs([asyncio.run(ask())]) == [1]


def test_a_film_is_waited_for_a_moment_only(batcher: Batcher) -> None:
    async def ask() -> Prediction:
        batcher.expect(4)
        return await asyncio.wait_for(batcher.submit(square(1)), 10)

    began = time.monotonic()
    assert probs([asyncio.run(ask())]) == [1]
    assert time.monotonic() - began >= batching.LINGER_SECONDS * 0.9
    batcher.expect(-3)


def test_no_batch_is_larger_than_the_caches_like(batcher: Batcher, sizes: list[int]) -> None:
    async def ask() -> list[Prediction]:
        batcher.expect(2 * BATCH_SIZE + 3)
        return await asyncio.gather(*(batcher.submit(square(value)) for value in range(2 * BATCH_SIZE + 3)))

    assert probs(asyncio.run(ask())) == list(range(2 * BATCH_SIZE + 3))
    assert sizes == [BATCH_SIZE, BATCH_SIZE, 3]


def test_each_prevalence_is_a_forward_pass_of_its_own(batcher: Batcher, sizes: list[int]) -> None:
    async def ask() -> list[Prediction]:
        batcher.expect(3)
        return await asyncio.gather(*(batcher.submit(square(n), given) for n, given in enumerate((None, 0.2, None))))

    rows = asyncio.run(ask())
    assert [row.why for row in rows] == ["", "0.2", ""]
    assert sorted(sizes) == [1, 2]


def test_a_batch_that_fails_ends_nothing_else(batcher: Batcher) -> None:
    async def ask(*values: int) -> list[Any]:
        batcher.expect(len(values))
        return await asyncio.gather(*(batcher.submit(square(each)) for each in values), return_exceptions=True)

    assert [type(each) for each in asyncio.run(ask(1, 255))] == [ValueError, ValueError]
    assert batcher.alive
    assert probs(asyncio.run(ask(1, 2))) == [1, 2]


def test_clients_that_wait_for_one_another_fill_the_batches(
    batcher: Batcher, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 of them, each of which sends a film once it has the answer to the one before; two are read at a time."""
    monkeypatch.setattr(Predicting, "seconds", 0.004)

    async def load() -> None:
        reading = asyncio.Semaphore(2)

        async def client(number: int) -> None:
            for _ in range(4):
                batcher.expect(1)
                async with reading:
                    await asyncio.sleep(0.001)
                assert probs([await batcher.submit(square(number))]) == [number]

        await asyncio.gather(*map(client, range(32)))

    asyncio.run(load())
    assert sum(sizes) == 32 * 4
    assert sorted(sizes)[len(sizes) // 2] > 4
