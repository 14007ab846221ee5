"""Connections that have not asked for an association: they wait in one thread, and have none of their own."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from hilum.pacs.connections import REQUEST_BYTES
from hilum.pacs.settings import Limits

_WAITING_A_PLACE = 4  # connections that may wait, for each association that there may be
_ENOUGH = 16 << 10  # bytes of a request from which on its rest is waited for elsewhere
_HEAD, _REQUEST = 6, 1
_TLS_HANDSHAKE = 22  # the type of the first record (RFC 8446, section 5.1)


class _OtherProtocolError(Exception):
    """A peer speaks another protocol than DICOM's; in words."""


class _Waiting:
    def __init__(self, connected: socket.socket, address: tuple[str, int]) -> None:
        self.socket, self.address = connected, address
        self.since = time.monotonic()
        self.half = False  # of something is there: to be looked at again, and not whenever it could be read


class WaitingRoom:
    """Lets connections in when they have sent a whole request, or when they have shown their certificate."""

    def __init__(
        self,
        limits: Limits,
        context: ssl.SSLContext | None,
        enter: Callable[[socket.socket, tuple[str, int]], None],
        turned_away: Callable[[str, str, str], None],
    ) -> None:
        """Begin empty.

        Args:
            limits: on associations, of which some times as many connections may wait, and on how long.
            context: for TLS; None speaks without it.
            enter: makes an association of a connection.
            turned_away: is told of a connection that speaks as nobody here does: why in a word and in words, and its
                address.
        """
        self._seconds = limits.silent_seconds
        self._most = _WAITING_A_PLACE * limits.associations
        self._most_of_address = _WAITING_A_PLACE * limits.associations_an_address
        self._context, self._enter, self._turned_away = context, enter, turned_away
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[socket.socket, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def admit(self, connected: socket.socket, address: tuple[str, int]) -> None:
        """A connection was accepted; where too many wait, the one that has done so for longest has to go."""
        same = [each for each in self._waiting.values() if each.address[0] == address[0]]
        if len(same) >= self._most_of_address:
            self._leave(same[0])
        elif len(self._waiting) >= self._most:
            self._leave(next(iter(self._waiting.values())))
        connected.setblocking(False)
        if self._context is not None:
            try:
                connected = self._context.wrap_socket(connected, server_side=True, do_handshake_on_connect=False)
            except (OSError, ValueError):
                connected.close()
                return
        self._waiting[connected] = _Waiting(connected, address)
        self._selector.register(connected, selectors.EVENT_READ)

    def watch(self, listener: socket.socket) -> None:
        """Have `wait` return where another connection can be accepted."""
        self._selector.register(listener, selectors.EVENT_READ)

    def wait(self, seconds: float) -> None:
        """Look after those that wait for so long, or until another connection can be accepted."""
        ready = [key.fileobj for key, _ in self._selector.select(seconds)]
        now = time.monotonic()
        for waiting in list(self._waiting.values()):
            if now - waiting.since > self._seconds:
                self._leave(waiting)
            elif waiting.half or waiting.socket in ready:
                self._look(waiting)

    def close(self) -> None:
        """Send all of them away."""
        for waiting in list(self._waiting.values()):
            self._leave(waiting)
        self._selector.close()

    def _look(self, waiting: _Waiting) -> None:
        try:
            whole = self._is_whole(waiting.socket) if self._context is None else self._is_known(waiting.socket)
        except (ssl.SSLWantReadError, BlockingIOError):
            return
        except ssl.SSLError as error:
            self._turned_away("tls", _no_tls(error), waiting.address[0])
            self._leave(waiting)
            return
        except _OtherProtocolError as error:
            self._turned_away("protocol", str(error), waiting.address[0])
            self._leave(waiting)
            return
        except (OSError, ValueError):  # it was closed: by somebody who looks whether the port is open, say
            self._leave(waiting)
            return
        if whole:
            self._forget(waiting)
            self._enter(waiting.socket, waiting.address)
        elif self._context is None and not waiting.half:
            waiting.half = True
            self._selector.unregister(waiting.socket)

    def _is_known(self, connected: socket.socket) -> bool:
        """Whether a peer has shown its certificate."""
        assert isinstance(connected, ssl.SSLSocket)
        connected.do_handshake()
        return True

    def _is_whole(self, connected: socket.socket) -> bool:
        """Whether a request for an association is there (PS3.8, section 9.3.2), or most of a long one.

        Raises:
            OSError: the connection is closed.
            _OtherProtocolError: it is no such request.
        """
        start = connected.recv(_ENOUGH, socket.MSG_PEEK)
        length = int.from_bytes(start[2:_HEAD], "big")
        if not start:
            raise OSError
        if start[0] == _TLS_HANDSHAKE:
            raise _OtherProtocolError("it speaks TLS, and receive.tls is not set")
        if start[0] != _REQUEST or (len(start) >= _HEAD and length > REQUEST_BYTES):
            raise _OtherProtocolError("what it sent is no request for an association of DICOM")
        return len(start) >= _HEAD and len(start) >= min(_HEAD + length, _ENOUGH)

    def _forget(self, waiting: _Waiting) -> None:
        del self._waiting[waiting.socket]
        with suppress(KeyError, ValueError):
            self._selector.unregister(waiting.socket)

    def _leave(self, waiting: _Waiting) -> None:
        self._forget(waiting)
        with suppress(OSError):
            waiting.socket.close()


def _no_tls(error: ssl.SSLError) -> str:
    """Why there was no TLS with a peer, in OpenSSL's words: of a fixed list, with nothing that the peer says."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    return f"no TLS with it ({(error.reason or 'it ended').lower().replace('_', ' ')})"
