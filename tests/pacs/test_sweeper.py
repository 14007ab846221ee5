"""A node is dead when its heartbeats do not grow any more, whatever any clock says."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from hilum.pacs.sweeper import DEAD_SECONDS, Heart, Watch
from hilum.store import open_store


class Steady:
    """A monotonic clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_node_whose_heartbeats_grow_is_alive() -> None:
    clock = Steady()
    watch = Watch("one", clock)
    for beat in range(100):
        assert watch.dead({"one": 1, "two": beat}) == ()
        clock.now += DEAD_SECONDS / 2


def test_a_node_whose_heartbeats_do_not_grow_is_dead_after_a_minute() -> None:
    clock = Steady()
    watch = Watch("one", clock)
    watch.dead({"one": 1, "two": 7, "three": 1})
    clock.now = DEAD_SECONDS - 1
    assert watch.dead({"one": 1, "two": 7, "three": 2}) == ()
    clock.now = DEAD_SECONDS + 1
    assert watch.dead({"one": 1, "two": 7, "three": 2}) == ("two",)
    assert watch.dead({"one": 1, "two": 8, "three": 2}) == ()  # it has come back


def test_whoever_has_just_started_takes_nobody_for_dead() -> None:
    clock = Steady()
    clock.now = 1e9
    assert Watch("one", clock).dead({"one": 1, "two": 7}) == ()


def test_a_node_never_takes_over_from_itself() -> None:
    clock = Steady()
    watch = Watch("one", clock)
    watch.dead({"one": 1})
    clock.now = 10 * DEAD_SECONDS
    assert watch.dead({"one": 1}) == ()


def test_a_jump_of_the_time_of_day_is_named_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def take_over(node: str) -> int:
        taken.append(node)
        return 0

    with open_store(str(tmp_path / "hilum.db")) as store:
        store.node_state.beat("two", is_start=True)
        heart = Heart(store, "one", lambda: "", take_over, lambda: 0, seconds=1000)
        heart.close()
        real = time.time
        for jump in (86_400.0, -86_400.0):
            monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
            with caplog.at_level(logging.WARNING, "hilum"):
                heart.beat()
        beats = {each.node: each.beats for each in store.node_state.heartbeats()}
    assert [record.message for record in caplog.records] == ["the time of day jumped"] * 2
    assert taken == []
    assert beats == {"one": 3, "two": 1}
