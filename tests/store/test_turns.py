"""Writers take turns in the order in which they come, and whoever may not be kept waiting goes first."""

from __future__ import annotations

import threading
import time

from hilum.store.turns import WriterTurns


def in_order(*firsts: bool) -> list[int]:
    """The order in which threads get a lock that is held until all of them wait for it."""
    turns, order = WriterTurns(), list[int]()

    def write(number: int, first: bool) -> None:
        with turns.turn(first=first):
            order.append(number)

    threads = []
    with turns.turn():
        for number, first in enumerate(firsts):
            threads.append(threading.Thread(target=write, args=(number, first)))
            threads[-1].start()
            while len(turns._first) + len(turns._others) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(10)
    return order


def test_writers_take_turns_in_the_order_in_which_they_come() -> None:
    assert in_order(False, False, False, False) == [0, 1, 2, 3]


def test_who_may_not_be_kept_waiting_goes_before_the_others() -> None:
    assert in_order(False, False, True, False, True) == [2, 4, 0, 1, 3]


def test_one_thread_at_a_time_holds_it() -> None:
    turns, inside, most = WriterTurns(), 0, 0

    def write() -> None:
        nonlocal inside, most
        for _ in range(200):
            with turns.turn():
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == 1


def test_another_thread_may_give_it_back() -> None:
    """As an engine's events come in whatever thread closes its transaction."""
    turns = WriterTurns()
    turns.take()
    other = threading.Thread(target=turns.give_back)
    other.start()
    other.join(10)
    turns.take()
