"""Connections that have not asked for an association: a whole request lets them in, and nothing else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from hilum.pacs.settings import Limits
from hilum.pacs.waiting_room import WaitingRoom
from tests.pacs.raw_caller import VERIFICATION, request_pdu

REQUEST = request_pdu((VERIFICATION, ExplicitVRLittleEndian))
ADDRESS = ("10.0.0.1", 1)


class Room:
    def __init__(self, seconds: float = 10.0, associations: int = 2, of_address: int = 1) -> None:
        self.entered: list[socket.socket] = []
        limits = Limits(associations=associations, associations_an_address=of_address, silent_seconds=seconds)
        self.turned_away: list[tuple[str, str, str]] = []
        self.room = WaitingRoom(
            limits,
            None,
            lambda sock, _: self.entered.append(sock),
            lambda *what: self.turned_away.append(what),
        )
        self.ours: list[socket.socket] = []

    def connect(self, address: str = "10.0.0.1") -> socket.socket:
        peer, here = socket.socketpair()
        self.ours.append(peer)
        self.room.admit(here, (address, 1))
        return peer


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.room.close()
    for each in [*made.ours, *made.entered]:
        each.close()


def is_closed(peer: socket.socket) -> bool:
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except ConnectionError:
        return True
    except BlockingIOError:
        return False


def test_a_whole_request_lets_in_and_is_still_there_to_be_read(room: Room) -> None:
    room.connect().sendall(REQUEST)
    room.room.wait(1)
    (entered,) = room.entered
    assert entered.recv(len(REQUEST)) == REQUEST
    assert len(room.room) == 0


def test_a_request_in_pieces_lets_in_with_its_last_byte(room: Room) -> None:
    peer = room.connect()
    for piece in (REQUEST[:3], REQUEST[3:6], REQUEST[6:-1]):
        peer.sendall(piece)
        room.room.wait(0)
        assert room.entered == []
    peer.sendall(REQUEST[-1:])
    room.room.wait(0)
    assert len(room.entered) == 1


def test_half_of_a_request_wakes_nobody_up(room: Room) -> None:
    """It is looked at again now and then, and not for as long as it could be read."""
    room.connect().sendall(REQUEST[:20])
    room.room.wait(0)
    began = time.monotonic()
    room.room.wait(0.1)
    assert time.monotonic() - began >= 0.09


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1", b"\x04\0\0\0\0\x04", b"\x01\0\xff\xff\xff\xff"])
def test_what_is_no_request_is_closed(room: Room, sent: bytes) -> None:
    peer = room.connect()
    peer.sendall(sent)
    room.room.wait(0)
    assert is_closed(peer)
    assert room.entered == []


def test_who_has_gone_is_forgotten(room: Room) -> None:
    room.connect().close()
    room.room.wait(0)
    assert (len(room.room), room.entered) == (0, [])


def test_who_says_nothing_waits_for_so_long_only() -> None:
    room = Room(seconds=1.0)
    silent, half = room.connect(), room.connect()
    half.sendall(REQUEST[:20])
    room.room.wait(0)
    assert len(room.room) == 2
    time.sleep(1.1)
    room.room.wait(0)
    assert is_closed(silent)
    assert is_closed(half)


def test_the_one_that_has_waited_for_longest_makes_room_of_its_own_address_first(room: Room) -> None:
    """Four may wait for each association: four of an address, and eight together here."""
    others = [room.connect("10.0.0.2") for _ in range(4)]
    same = [room.connect() for _ in range(5)]
    assert [is_closed(each) for each in same] == [True, False, False, False, False]
    assert not any(map(is_closed, others))
    room.connect("10.0.0.3")
    assert [is_closed(each) for each in others] == [True, False, False, False]
