"""Whole conversations with damaged bytes: none of them ends the receiver, or anything but its own association."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum.pacs.settings import Limits
from tests.pacs.raw_caller import (
    RELEASE_PDU,
    VERIFICATION,
    RawCaller,
    echo_pdus,
    encoded,
    request_pdu,
    store_pdus,
)
from tests.pacs.receiving import film, receiving
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

CONTEXTS = (
    (str(DigitalXRayImageStorageForPresentation), str(ExplicitVRLittleEndian)),
    (VERIFICATION, str(ImplicitVRLittleEndian)),
)

CONVERSATIONS = 600


def is_taken(port: int, store: bytes) -> bool:
    """Whether a film is taken from a caller, whom a busy machine may keep for longer than the receiver waits."""
    with RawCaller(port) as caller, suppress(AssertionError, OSError):
        caller.associate(*CONTEXTS)
        caller.send(store)
        return caller.status() == 0
    return False


def test_six_hundred_damaged_conversations(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ds = film((16, 16))
    request = request_pdu(*CONTEXTS)
    store = store_pdus(str(ds.SOPClassUID), str(ds.SOPInstanceUID), encoded(ds), most=300)
    rest = store + echo_pdus(context=3) + RELEASE_PDU
    answers: list[int] = []

    def converse(number: int) -> None:
        chance = random.Random(number)
        damaged = [bytearray(request), bytearray(rest)]
        changed = damaged[number % 5 > 0]  # a request that is damaged is mostly all there is of a conversation
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(changed))
            if chance.random() < 0.2:
                del changed[place : place + chance.randint(1, 40)]
            else:
                changed[place] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
        with RawCaller(received.port) as caller, suppress(OSError):
            caller.send(bytes(damaged[0]))
            answers.append(caller.pdu()[0])
            if answers[-1] == 2:
                caller.send(bytes(damaged[1]))
                while (kind := caller.pdu()[0]) not in (0, 6, 7):
                    answers.append(kind)

    with receiving(tmp_path, limits=Limits(silent_seconds=0.5)) as received, ThreadPoolExecutor(8) as threads:
        list(threads.map(converse, range(CONVERSATIONS)))
        threads_before = 8 + 3  # ours, this one, the receiver's, and one of pytest's or none
        wait_until(lambda: is_taken(received.port, store), what="a film that is whole is not taken")
        wait_until(lambda: not received.receiver.figures.connections, what="connections are left")
        wait_until(lambda: threading.active_count() <= threads_before, what="threads are left")
        assert len(received.arrivals) == received.receiver.figures.statuses["0x0000"]
        assert sorted(received.spool.sweep()) == sorted(arrival.path for arrival in received.arrivals)
    assert len(answers) > CONVERSATIONS
    assert {record.message for record in caplog.records} & {
        "association failed",
        "a film could not be enqueued",
    } == set()
    print(received.receiver.figures)
