"""A load of films for a reading room, from a process of its own that takes little of the processors.

    python -m benchmarks.load < plan.json > sent.json

Requests are bytes that were prepared beforehand, over plain sockets that are kept open, in one thread with one
selector; of a reply only its status and its prediction's id are looked at. A film that is sent again with other bytes
in a comment of its JPEG is another film to the service, with the same pixels.
"""

from __future__ import annotations

import json
import random
import re
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

_ID = re.compile(rb'"id": ?"([0-9a-f]{32})"')
_BOUNDARY = b"hilum-load"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent.

    Attributes:
        port: of the service, on this machine.
        films: JPEG files.
        mark: what makes them other films than those of another plan.
        requests: how many, each of one film; 0 for as many as the seconds have room for.
        seconds: after which no further request is begun; 0 for none.
        clients: that send one request after another, each once it has its reply; where `rate` is 0.
        rate: requests a second, at random times (a Poisson process), whatever the replies.
        resend: whether films that were refused are sent again, and some that were answered too.
    """

    port: int
    films: tuple[str, ...]
    mark: str
    requests: int = 0
    seconds: float = 0.0
    clients: int = 0
    rate: float = 0.0
    resend: bool = False


@dataclass(slots=True)
class Sent:
    """What became of a plan, in the order of the replies.

    Attributes:
        films: the number of each request's film; its file is `film % len(plan.films)`.
        statuses: of the replies; 0 where there was none.
        ids: of the predictions; empty where there was none.
        seconds: from when a request was due to its whole reply.
        wall: seconds from the first request to the last reply.
        cpu: seconds of processor time that this process took meanwhile.
    """

    films: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0


def marked(jpeg: bytes, mark: str) -> bytes:
    """The same picture with a comment (a COM segment, ITU-T T.81 B.2.4.5): other bytes, the same pixels."""
    comment = mark.encode()
    after = 4 + int.from_bytes(jpeg[4:6], "big") if jpeg[2:4] == b"\xff\xe0" else 2  # JFIF's segment is the first
    return jpeg[:after] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[after:]


def send(plan: Plan) -> Sent:
    """Carry out a plan in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load"]
    given = json.dumps(asdict(plan))
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True)
    return Sent(**json.loads(done.stdout))


def carry_out(plan: Plan) -> Sent:
    """Carry out a plan in this process."""
    return _Load(plan).run()


class _Connection:
    """A connection, and the request that is on it."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self.socket = socket.create_connection(self._address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.film, self.due, self._got = -1, 0.0, b""

    def send(self, film: int, due: float, request: bytes) -> None:
        self.film, self.due, self._got = film, due, b""
        self.socket.sendall(request)

    def receive(self) -> tuple[int, bytes] | None:
        """Status and body once both are there; 0 where the connection ended before."""
        try:
            piece = self.socket.recv(1 << 16)
        except OSError:
            piece = b""
        if not piece:
            return 0, b""
        self._got += piece
        head, ended, body = self._got.partition(b"\r\n\r\n")
        if not ended:
            return None
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        assert length is not None, head
        return None if len(body) < int(length[1]) else (int(head.split(b" ", 2)[1]), body)


class _Load:
    def __init__(self, plan: Plan) -> None:
        self.plan, self.sent = plan, Sent()
        self._films = [Path(each).read_bytes() for each in plan.films]
        self._selector = selectors.DefaultSelector()
        self._idle: deque[_Connection] = deque()
        self._busy = 0
        self._next = 0
        self._refused: deque[int] = deque()
        self._answered: list[int] = []
        self._random = random.Random(0)

    def run(self) -> Sent:
        began, cpu = time.monotonic(), time.process_time()
        if self.plan.rate:
            self._run_by_the_clock(began)
        else:
            for _ in range(self.plan.clients):
                self._begin(time.monotonic())
            while self._busy:
                for _ in range(self._finish(None)):
                    if self._goes_on(began):
                        self._begin(time.monotonic())
        self.sent.wall, self.sent.cpu = time.monotonic() - began, time.process_time() - cpu
        return self.sent

    def _run_by_the_clock(self, began: float) -> None:
        due = began
        while self._goes_on(began):
            due += self._random.expovariate(self.plan.rate)
            while (wait := due - time.monotonic()) > 0:
                self._finish(wait)
            self._begin(due)
        while self._busy:
            self._finish(None)

    def _goes_on(self, began: float) -> bool:
        more = not self.plan.requests or self._next < self.plan.requests
        return more and not (self.plan.seconds and time.monotonic() - began >= self.plan.seconds)

    def _begin(self, due: float) -> None:
        film = self._choose()
        jpeg = marked(self._films[film % len(self._films)], f"{self.plan.mark} {film}")
        head = b'--%b\r\nContent-Disposition: form-data; name="film"; filename="film.jpeg"\r\n\r\n' % _BOUNDARY
        body = head + jpeg + b"\r\n--%b--\r\n" % _BOUNDARY
        request = (
            b"POST /v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: multipart/form-data; boundary=%b\r\nContent-Length: %d\r\n\r\n" % (_BOUNDARY, len(body))
        )
        # Each in its turn: a service closes a connection that nothing comes on.
        connection = self._idle.popleft() if self._idle else self._connect()
        try:
            connection.send(film, due, request + body)
        except OSError:  # the service has closed it meanwhile, as a server may between two requests
            self._selector.unregister(connection.socket)
            connection = self._connect()
            connection.send(film, due, request + body)
        self._busy += 1

    def _choose(self) -> int:
        if self.plan.resend and self._random.random() < 0.5:
            if self._refused and self._random.random() < 0.8:
                return self._refused.popleft()
            if self._answered:
                return self._random.choice(self._answered)
        self._next += 1
        return self._next - 1

    def _connect(self) -> _Connection:
        connection = _Connection(self.plan.port)
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return connection

    def _finish(self, seconds: float | None) -> int:
        """Take what has come within some time; gives the number of replies."""
        replies = 0
        for key, _ in self._selector.select(seconds):
            connection: _Connection = key.data
            if connection.film < 0:  # closed while nothing was on it
                self._selector.unregister(connection.socket)
                connection.socket.close()
                self._idle.remove(connection)
                continue
            reply = connection.receive()
            if reply is None:
                continue
            self._note(connection, *reply)
            connection.film = -1
            replies += 1
            self._busy -= 1
            if reply[0]:
                self._idle.append(connection)
            else:
                self._selector.unregister(connection.socket)
                connection.socket.close()
        return replies

    def _note(self, connection: _Connection, status: int, body: bytes) -> None:
        found = _ID.search(body) if status in (200, 201) else None
        self.sent.films.append(connection.film)
        self.sent.statuses.append(status)
        self.sent.ids.append(found[1].decode() if found else "")
        self.sent.seconds.append(time.monotonic() - connection.due)
        if self.plan.resend:
            if status in (200, 201):
                self._answered.append(connection.film)
            elif status == 503:
                self._refused.append(connection.film)


def main() -> None:
    """Read a plan from standard input, carry it out, and print what became of it."""
    plan = Plan(**json.load(sys.stdin))
    json.dump(asdict(carry_out(plan)), sys.stdout)


if __name__ == "__main__":
    main()
