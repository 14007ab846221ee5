"""Which nodes are alive, by their heartbeats; what one that is not had begun, another one goes on with."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from hilum.errors import StoreError
from hilum.pacs.logs import log_event
from hilum.store import Store

BEAT_SECONDS = 5.0
DEAD_SECONDS = 60.0  # without a heartbeat
_JUMP_SECONDS = 30.0  # of the time of day against the monotonic clock, between two heartbeats


class Watch:
    """What one node has seen of the others' heartbeats.

    A node is dead when the number of its heartbeats has not grown for a minute by the watching node's own monotonic
    clock. So no clock's time of day matters, neither a wrong one nor one that jumps.
    """

    def __init__(self, node: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to watch: whoever was dead before is found so after a minute.

        Args:
            node: its own name.
            monotonic: a clock.
        """
        self._node, self._monotonic = node, monotonic
        self._seen: dict[str, tuple[int, float]] = {}  # beats, and when they grew

    def dead(self, beats: dict[str, int]) -> tuple[str, ...]:
        """The nodes that are not alive, by all nodes' numbers of heartbeats."""
        now = self._monotonic()
        for node, number in beats.items():
            if self._seen.get(node, (-1, 0.0))[0] != number:
                self._seen[node] = number, now
        since = ((node, self._seen[node][1]) for node in sorted(beats) if node != self._node)
        return tuple(node for node, at in since if now - at >= DEAD_SECONDS)


class Heart:
    """A thread that says that this node is alive and what is wrong with it, and looks after the others."""

    def __init__(
        self,
        store: Store,
        node: str,
        alarm: Callable[[], str],
        take_over: Callable[[str], int],
        pick_up: Callable[[], int],
        seconds: float = BEAT_SECONDS,
    ) -> None:
        """Say so once, then start the thread.

        Args:
            store: with the heartbeats.
            node: this one's name.
            alarm: says in words what people should look at; empty where nothing is.
            take_over: goes on with what a node had begun; gives how many workflows.
            pick_up: goes on with what this node had begun and could not write down.
            seconds: between two heartbeats.
        """
        self._store, self._node, self._alarm = store, node, alarm
        self._take_over, self._pick_up = take_over, pick_up
        self._seconds, self._watch, self._stop = seconds, Watch(node), threading.Event()
        self._alarmed = ""
        self._clocks = time.time(), time.monotonic()
        store.node_state.beat(node, is_start=True)
        self._thread = threading.Thread(target=self._run, name="hilum-heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def beat(self) -> None:
        """What the thread does again and again.

        Raises:
            StoreError: the database does not answer.
        """
        self._note_jump()
        alarm = self._alarm()
        self._store.node_state.beat(self._node, alarm=alarm)
        if alarm and not self._alarmed:
            log_event("alarm", level=logging.WARNING, why=alarm)
        self._alarmed = alarm
        if workflows := self._pick_up():
            log_event("picked up again", level=logging.WARNING, workflows=workflows)
        beats = {each.node: each.beats for each in self._store.node_state.heartbeats()}
        for node in self._watch.dead(beats):
            if workflows := self._take_over(node):
                log_event("took over", level=logging.WARNING, node=node, workflows=workflows)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.beat()
            except StoreError:
                log_event("the store does not answer", level=logging.WARNING)
            except Exception as error:  # whatever it is, the next heartbeat comes
                log_event("no heartbeat", level=logging.ERROR, error=type(error).__name__)

    def _note_jump(self) -> None:
        day, steady = time.time(), time.monotonic()
        jump = (day - self._clocks[0]) - (steady - self._clocks[1])
        if abs(jump) >= _JUMP_SECONDS:
            log_event("the time of day jumped", level=logging.WARNING, seconds=jump)
        self._clocks = day, steady
