"""Errors that pass are waited for; those that stay are raised at once."""

from __future__ import annotations

import pytest

from hilum.errors import FilmError, StoreError
from hilum.pacs.backing_off import LONGEST_SECONDS, Clock, StoppableClock, Stopping, pause_after, trying_again
from tests.pacs.parts import StillClock


def tried(errors: list[Exception], clock: Clock) -> str:
    def work() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    return trying_again(
        "predicted",
        work,
        clock,
        for_good=lambda error: isinstance(error, FilmError),
        endless=lambda error: isinstance(error, StoreError),
        most=3,
    )


def test_pauses_double_up_to_a_minute() -> None:
    for failures, longest in enumerate((0.5, 1, 2, 4, 8, 16, 32, LONGEST_SECONDS, LONGEST_SECONDS), 1):
        pauses = [pause_after(failures) for _ in range(200)]
        assert longest / 2 <= min(pauses) < 0.6 * longest
        assert 0.9 * longest < max(pauses) <= longest


def test_an_error_that_passes_is_waited_for() -> None:
    clock = StillClock()
    assert tried([OSError(), OSError()], clock) == "done"
    assert len(clock.waits) == 2


def test_an_error_that_comes_too_often_is_raised() -> None:
    with pytest.raises(OSError, match="third"):
        tried([OSError(), OSError(), OSError("third")], StillClock())


def test_an_error_that_stays_is_raised_at_once() -> None:
    clock = StillClock()
    with pytest.raises(FilmError):
        tried([FilmError("film", "damaged")], clock)
    assert clock.waits == []


def test_no_film_is_given_up_for_the_database() -> None:
    clock = StillClock()
    assert tried([StoreError("full")] * 200, clock) == "done"
    assert len(clock.waits) == 200


def test_a_node_that_stops_leaves_what_it_does_as_it_is() -> None:
    clock = StoppableClock()
    clock.stop()
    with pytest.raises(Stopping):
        tried([OSError()], clock)
    assert not issubclass(Stopping, Exception)
