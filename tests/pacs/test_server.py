"""A receiver that is being stopped: what is acknowledged is enqueued, and what is not whole is dropped."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.pacs.raw_caller import RawCaller
from tests.pacs.receiving import (
    ABORT,
    ACCEPT,
    CLOSED,
    CONTEXTS,
    files,
    film,
    in_part,
    raw_film,
    receiving,
)
from tests.waiting import wait_until


def test_stopping_lets_a_film_finish(tmp_path: Path) -> None:
    sent = raw_film(film((400, 400)))
    with receiving(tmp_path) as received, RawCaller(received.port) as caller, RawCaller(received.port) as idle:
        idle.associate(*CONTEXTS)
        caller.associate(*CONTEXTS)
        caller.send(sent[:40_000])
        wait_until(lambda: in_part(received) > 20_000)
        stopping = threading.Thread(target=received.receiver.stop)
        stopping.start()
        assert idle.pdu()[0] == ABORT, "nobody waits for those who send nothing"
        caller.send(sent[40_000:])
        assert caller.status() == 0
        assert caller.pdu()[0] == ABORT
        stopping.join(10)
        assert len(received.arrivals) == 1
        with pytest.raises(ConnectionError):
            RawCaller(received.port)


def test_stopping_does_not_wait_for_ever_and_drops_what_is_not_whole(tmp_path: Path) -> None:
    sent = raw_film(film((400, 400)))
    with receiving(tmp_path) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(sent[:40_000])
        wait_until(lambda: in_part(received) > 20_000)
        received.receiver.stop(0.1)
        assert files(received) == []
        assert received.arrivals == []
        assert caller.pdu()[0] in (ABORT, CLOSED)


def test_what_is_acknowledged_while_it_stops_is_enqueued(tmp_path: Path) -> None:
    """Four callers send film after film; what was acknowledged is in the queue, and no file is too many."""
    acknowledged: list[str] = []

    def keep_sending(port: int) -> None:
        with RawCaller(port) as caller:
            if caller.associate(*CONTEXTS) != ACCEPT:
                return
            while True:
                ds = film()
                try:
                    caller.send(raw_film(ds))
                    if caller.status() != 0:
                        return
                except (OSError, AssertionError):
                    return
                acknowledged.append(ds.SOPInstanceUID)

    with receiving(tmp_path) as received:
        threads = [threading.Thread(target=keep_sending, args=(received.port,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) > 8)
        received.receiver.stop()
        enqueued = [arrival.facts.instance for arrival in received.arrivals]
        for thread in threads:
            thread.join()
        assert set(acknowledged) <= set(enqueued)
        assert len(enqueued) == len(received.arrivals)
        assert sorted(received.spool.sweep()) == sorted(arrival.path for arrival in received.arrivals)
