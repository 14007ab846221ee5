"""A thread that was stopped stands still when that is said, and one that has ended is not waited for."""

from __future__ import annotations

import threading
import time

from hilum.pacs.senders.reactor_gate import ReactorGate


def test_a_thread_stands_still_once_it_is_stopped_and_goes_on_afterwards() -> None:
    passes, over = [0], threading.Event()

    def run() -> None:
        while not over.is_set():
            gate.wait()
            time.sleep(0.0005)  # where another thread has its turn, just after it was let through
            passes[0] += 1

    thread = threading.Thread(target=run)
    gate = ReactorGate(thread.is_alive)
    thread.start()
    for _ in range(50):
        gate.clear()
        before = passes[0]
        time.sleep(0.002)
        assert passes[0] == before
        gate.set()
        while passes[0] == before:
            time.sleep(0)
    over.set()
    thread.join()
    gate.clear()
