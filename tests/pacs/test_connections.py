"""Callers that break the rules, say half of something or nothing: each wait ends, and others get their place."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from hilum.pacs import connections
from hilum.pacs.settings import Limits
from tests.pacs.raw_caller import ABORT_PDU, RELEASE_PDU, RawCaller, echo_pdus, store_pdus
from tests.pacs.receiving import (
    ABORT,
    ACCEPT,
    CLOSED,
    CONTEXTS,
    DX,
    REJECT,
    RELEASED,
    Received,
    files,
    film,
    in_part,
    raw_film,
    receiving,
    whole_pdus,
)
from tests.waiting import wait_until


def test_an_object_of_more_bytes_than_allowed_ends_the_association(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(instance_mib=1)) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        half = store_pdus(DX, "1.2.3", bytes(600 << 10))
        caller.send(half)
        assert caller.status() == 0xC000
        with suppress(ConnectionError):
            caller.send(store_pdus(DX, "1.2.3", bytes(3 << 20)))
        assert caller.pdu()[0] in (ABORT, CLOSED)
        wait_until(lambda: files(received) == [])


def test_a_pdu_of_more_bytes_than_announced_ends_the_association(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(pdu_bytes=4096)) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(b"\x04\0\x7f\xff\xff\xff")
        assert caller.pdu()[0] == ABORT


@pytest.mark.parametrize("ending", [b"", ABORT_PDU, RELEASE_PDU])
def test_a_film_that_ends_in_the_middle_leaves_nothing(received: Received, ending: bytes) -> None:
    sent = raw_film(film((400, 400)))
    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(b"".join(whole_pdus(sent)[:4]))
        wait_until(lambda: in_part(received) > 20_000)
        caller.send(ending)
        if ending:
            caller.pdu()
    wait_until(lambda: files(received) == [])
    assert received.arrivals == []


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x04\0\0\0\0\x08" + bytes(8),
        b"\x09\0\0\0\0\x04" + bytes(4),
        b"\x01\0\0\0\0\x04" + bytes(4),
        b"\x01\0\0\0\x01\0" + bytes(256),
        b"\xff" * 64,
    ],
)
def test_what_is_no_association_is_ended(received: Received, sent: bytes) -> None:
    with RawCaller(received.port) as caller:
        caller.send(sent)
        assert caller.pdu()[0] in (ABORT, CLOSED)


@pytest.mark.parametrize(
    "sent",
    [
        echo_pdus(context=9),
        store_pdus(DX, "1.2.3", bytes(99))[-200:],
        b"\x04\0\0\0\0\x06\0\0\0\xff\x01\x03",
        b"\x01\0\0\0\0\x04" + bytes(4),
        b"\x02\0\0\0\0\x04" + bytes(4),
    ],
)
def test_what_does_not_belong_into_an_association_ends_it(received: Received, sent: bytes) -> None:
    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(sent)
        assert caller.pdu()[0] in (ABORT, CLOSED)
    assert received.arrivals == []


@pytest.mark.slow
def test_messages_without_a_reply_hold_no_association_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A C-CANCEL has none (PS3.7, section 9.3.2.3), and whoever is not asked sends no reply either."""
    monkeypatch.setattr(connections, "_IDLE_FACTOR", 3)
    cancel, reply = (
        echo_pdus(context=3).replace(b"\0\0\x00\x01\x02\0\0\0\x30\0", b"\0\0\x00\x01\x02\0\0\0" + field)
        for field in (b"\xff\x0f", b"\x30\x80")
    )
    with receiving(tmp_path, limits=Limits(silent_seconds=1)) as received:
        for sent in (cancel, reply, cancel + reply):
            with RawCaller(received.port) as caller:
                assert caller.associate(*CONTEXTS) == ACCEPT
                caller.send(sent)
                while (kind := caller.pdu()[0]) == 4:
                    pass
                assert kind in (ABORT, CLOSED)
        wait_until(lambda: received.receiver.figures.connections == 0)


def test_more_associations_than_allowed_are_told_to_come_again(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(associations=3, associations_an_address=2)) as received:
        callers = [RawCaller(received.port, source) for source in ["127.0.0.1"] * 3 + ["127.0.0.2"] * 2]
        assert [caller.associate(*CONTEXTS) for caller in callers] == [ACCEPT, ACCEPT, REJECT, ACCEPT, REJECT]
        callers[0].send(RELEASE_PDU)
        assert callers[0].pdu()[0] == RELEASED
        wait_until(lambda: received.receiver.figures.associations == 2)
        with RawCaller(received.port) as again:
            assert again.associate(*CONTEXTS) == ACCEPT
        for caller in callers:
            caller.socket.close()


def test_who_stalls_makes_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_OWING_SHARE", 0.02)
    limits = Limits(associations=2, associations_an_address=2, silent_seconds=60)
    with receiving(tmp_path, limits=limits) as received:
        stalling = [RawCaller(received.port) for _ in range(2)]
        for caller in stalling:
            assert caller.associate(*CONTEXTS) == ACCEPT
            caller.send(raw_film(film())[:200])
        time.sleep(3)
        with RawCaller(received.port) as caller:
            assert caller.associate(*CONTEXTS) == ACCEPT
            caller.send(raw_film(film()))
            assert caller.status() == 0
        assert received.receiver.figures.evicted == 1
        for caller in stalling:
            caller.socket.close()


def test_silent_connections_make_room_for_others(tmp_path: Path) -> None:
    limits = Limits(associations=4, associations_an_address=2)
    with receiving(tmp_path, limits=limits) as received:
        silent = [RawCaller(received.port) for _ in range(40)]
        with RawCaller(received.port) as caller:
            assert caller.associate(*CONTEXTS) == ACCEPT
        assert received.receiver.figures.connections <= 4 * 2 + 2
        for each in silent:
            each.socket.close()


@pytest.mark.slow
def test_half_a_pdu_is_waited_for_so_long_only(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(silent_seconds=1)) as received:
        for sent in (b"", b"\x01", b"\x01\0\0\0\x01\0half"):
            began = time.monotonic()
            with RawCaller(received.port) as caller:
                caller.send(sent)
                assert caller.pdu()[0] == CLOSED
                assert 0.9 < time.monotonic() - began < 5
        with RawCaller(received.port) as caller:
            assert caller.associate(*CONTEXTS) == ACCEPT
            time.sleep(2)
            caller.send(echo_pdus(context=3))
            assert caller.status() == 0, "between two messages an association may be silent for longer"
            began = time.monotonic()
            caller.send(b"\x04\0\0")
            assert caller.pdu()[0] == ABORT
            assert time.monotonic() - began < 5
        wait_until(lambda: received.receiver.figures.connections == 0)
