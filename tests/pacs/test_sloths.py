"""Callers that say nothing, or half of something, do not keep others out: with the limits as they are by default."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from tests.pacs.raw_caller import RawCaller, encoded, request_pdu, store_pdus
from tests.pacs.receiving import film, receiving

pytestmark = pytest.mark.slow

CONTEXTS = ((str(DigitalXRayImageStorageForPresentation), str(ExplicitVRLittleEndian)),)
ACCEPT, REJECT = 2, 3
AT_MOST = 10.0  # seconds that others may be kept out
NOT_FELT = 4.0  # less than any of the times after which a silent caller is left, on a busy machine


class Way(NamedTuple):
    """How a caller had a film acknowledged: after how many seconds, and how often it had to call."""

    seconds: float
    calls: int


def way_in(port: int, source: str) -> Way:
    """A caller from an address has a film acknowledged; rejected, it comes again."""
    ds = film()
    began = time.monotonic()
    calls = 0
    while True:
        calls += 1
        with RawCaller(port, source) as caller:
            if caller.associate(*CONTEXTS) == ACCEPT:
                caller.send(store_pdus(ds.SOPClassUID, ds.SOPInstanceUID, encoded(ds)))
                assert caller.status() == 0
                return Way(time.monotonic() - began, calls)
        assert time.monotonic() - began < 60
        time.sleep(0.5)


def require_not_felt(port: int, source: str) -> None:
    """A caller from an address has a film acknowledged as if there were nobody else."""
    way = way_in(port, source)
    assert way.calls == 1
    assert way.seconds < NOT_FELT


def half_of_a_request(caller: RawCaller) -> None:
    caller.send(request_pdu(*CONTEXTS)[:50])


def half_of_a_head(caller: RawCaller) -> None:
    if caller.associate(*CONTEXTS) == ACCEPT:
        caller.send(b"\x04\0\0")


def half_of_a_film(caller: RawCaller) -> None:
    if caller.associate(*CONTEXTS) == ACCEPT:
        ds = film()
        caller.send(store_pdus(ds.SOPClassUID, ds.SOPInstanceUID, encoded(ds))[:2000])


def nothing_after_the_association(caller: RawCaller) -> None:
    caller.associate(*CONTEXTS)


SLOTHS = [half_of_a_request, half_of_a_head, half_of_a_film, nothing_after_the_association]


@pytest.mark.parametrize("sloth", SLOTHS)
def test_sixty_silent_and_twenty_slow_callers_keep_nobody_out(
    tmp_path: Path, sloth: Callable[[RawCaller], None]
) -> None:
    """The slow ones come from two addresses, more than there are places, and stay for as long as they may."""
    with receiving(tmp_path) as received, ExitStack() as stack:
        for number in range(60):
            stack.enter_context(RawCaller(received.port, f"127.0.0.{1 + number % 2}"))
        for number in range(40):
            sloth(stack.enter_context(RawCaller(received.port, f"127.0.0.{1 + number % 2}")))
        ways = {source: way_in(received.port, source) for source in ("127.0.0.1", "127.0.0.2", "127.0.0.3")}
        print(ways, received.receiver.figures)
        assert max(way.seconds for way in ways.values()) < AT_MOST


def test_slow_callers_of_one_address_are_not_felt_at_another(tmp_path: Path) -> None:
    with receiving(tmp_path) as received, ExitStack() as stack:
        for number in range(80):
            caller = stack.enter_context(RawCaller(received.port, "127.0.0.2"))
            if number < 20:
                half_of_a_film(caller)
        require_not_felt(received.port, "127.0.0.1")


def test_sloths_that_come_again_and_again_keep_nobody_out(tmp_path: Path) -> None:
    """A byte now and then, and a new connection for each that is closed."""
    stopped = threading.Event()

    def trickle(port: int) -> None:
        while not stopped.is_set():
            try:
                with RawCaller(port) as caller:
                    if caller.associate(*CONTEXTS) != ACCEPT:
                        time.sleep(0.2)
                        continue
                    for byte in store_pdus(CONTEXTS[0][0], "1.2.3", bytes(1000)):
                        caller.send(bytes([byte]))
                        if stopped.wait(0.5):
                            return
            except OSError:
                continue

    with receiving(tmp_path) as received:
        threads = [threading.Thread(target=trickle, args=(received.port,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        time.sleep(3)
        try:
            for _ in range(4):
                require_not_felt(received.port, "127.0.0.2")
        finally:
            stopped.set()
            for thread in threads:
                thread.join()


def test_associations_that_only_wait_cost_next_to_no_processor_time(tmp_path: Path) -> None:
    """Four of them 3% of a core at most; pynetdicom's own take five times as much (`benchmarks.pacs_receiving`)."""
    with receiving(tmp_path) as received, ExitStack() as stack:
        for _ in range(4):
            assert stack.enter_context(RawCaller(received.port)).associate(*CONTEXTS) == ACCEPT
        time.sleep(1)
        taken = []
        for _ in range(3):  # something else may want processor time in one of them: garbage, an earlier test's thread
            began = time.process_time()
            time.sleep(1)
            taken.append(time.process_time() - began)
        assert statistics.median(taken) < 0.03
