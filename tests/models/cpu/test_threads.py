"""Films shared out over torch's threads: each once, on several threads, and what goes wrong there is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from hilum.models.cpu import threads
from hilum.models.cpu.threads import each_film


@pytest.fixture(params=["torch's threads", "threads of our own"], autouse=True)
def which(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the OpenMP library that torch came with, and as where it came with another."""
    if request.param == "threads of our own":
        monkeypatch.setattr(threads, "_openmp", lambda: None)
    elif threads._openmp() is None:
        pytest.skip("this torch has another OpenMP library")


@pytest.fixture(autouse=True)
def of_torch() -> Iterator[None]:
    """Three threads of torch, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("films", [1, 2, 3, 7, 32])
def test_each_film_comes_once(films: int) -> None:
    seen: list[int] = []
    each_film(lambda start, end: seen.extend(range(start, end)), films)
    assert sorted(seen) == list(range(films))


def test_parts_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=20)
    each_film(lambda start, end: together.wait(), 3)  # type: ignore[arg-type]


def test_arguments_are_handed_on() -> None:
    seen: list[object] = []
    each_film(lambda start, end, first, second: seen.append((first, second)), 2, "one", 2)
    assert seen == [("one", 2)] * 2


def test_what_a_part_raises_is_raised_once_all_have_ended() -> None:
    ended: list[int] = []

    def part(start: int, end: int) -> None:
        if start == 0:
            raise ValueError("no")
        time.sleep(0.05)
        ended.append(start)

    with pytest.raises(ValueError, match="no"):
        each_film(part, 2)
    assert ended == [1]
