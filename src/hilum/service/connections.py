"""Connections of clients that say nothing, or next to nothing: each is closed before there are too many of them."""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from hilum.service.problems import problem_response

HEAD_SECONDS = 20.0  # until the head of a request is there (Apache's mod_reqtimeout allows 20 to 40)
LINGER_SECONDS = 5.0  # that a body which was refused is still read and thrown away, so that the reply arrives
READ_SECONDS = 300.0  # in which a client has to take what a reply has left in the buffer
MOST = 1000  # connections; where there are more, the one that has waited longest for a request is closed
_FILES = 4096  # that the process may have open, where the machine allows it

_waiting: OrderedDict[Connection, None] = OrderedDict()
_open: set[Connection] = set()


class Connection(H11Protocol):
    """A connection, closed where no request comes on it in time, or a reply is not taken in time."""

    _deadline: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        _open.add(self)
        self._expect(HEAD_SECONDS)
        if len(_open) > MOST and _waiting:
            next(iter(_waiting)).end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        _open.discard(self)
        self._expect(None)
        self._take_within(None)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not take its reply."""
        super().pause_writing()
        self._take_within(READ_SECONDS)

    def resume_writing(self) -> None:
        """Wait no longer: it takes it."""
        self._take_within(None)
        super().resume_writing()

    def handle_events(self) -> None:
        """Wait no longer where a request has come."""
        super().handle_events()
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect(None)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        unread = self.conn.their_state is h11.SEND_BODY
        self._expect(LINGER_SECONDS if unread else self.timeout_keep_alive + HEAD_SECONDS)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, by problem details as everything else."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            refusal = problem_response(400, "this is no HTTP request", {"Connection": "close"})
            head = h11.Response(status_code=400, headers=refusal.raw_headers)
            for event in (head, h11.Data(data=bytes(refusal.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def end(self) -> None:
        """Close it: the client does not do its part."""
        _open.discard(self)
        self._expect(None)
        self._take_within(None)
        self.transport.abort()

    def _take_within(self, seconds: float | None) -> None:
        """Have the client take its reply within so many seconds; with None, whenever it likes."""
        if self._taking is not None:
            self._taking.cancel()
        self._taking = None if seconds is None else self.loop.call_later(seconds, self.end)

    def _expect(self, seconds: float | None) -> None:
        """Have a request come within so many seconds; with None, wait for none."""
        if self._deadline is not None:
            self._deadline.cancel()
        _waiting.pop(self, None)
        if seconds is None:
            self._deadline = None
        else:
            self._deadline = self.loop.call_later(seconds, self.end)
            _waiting[self] = None


def allow_files() -> None:
    """Let the process have as many files and connections open as it may need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
