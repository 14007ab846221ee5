"""Running a service: an address, Uvicorn, and a stop that finishes what was taken."""

from __future__ import annotations

import gc
import logging
import socket
from dataclasses import replace

import uvicorn

from hilum.errors import RequestError
from hilum.service.app import create_app
from hilum.service.connections import Connection, allow_files
from hilum.service.metrics import Metrics
from hilum.service.service import Service
from hilum.service.settings import LOCAL_HOSTS, ServiceSettings
from hilum.store import open_store

logger = logging.getLogger("hilum")

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(settings: ServiceSettings, host: str = "127.0.0.1", port: int = 8000, *, announce: bool = True) -> None:
    """Answer until a signal ends it (SIGINT or SIGTERM); requests that were taken are answered first.

    Args:
        settings: how the service is set up; everybody has to sign in where the store has people.
        host: the address to listen on.
        port: the port; 0 for any that is free.
        announce: whether to say where it listens.

    Raises:
        RequestError: the address is not free; or it is not this machine's alone, and nobody could sign in.
        BundleError: as for `Detector`.
        StoreError: the store does not answer.
    """
    settings = require_people(settings, host)
    allow_files()
    listening = _listen(host, port)
    server = server_of(settings)
    if announce:
        bound = listening.getsockname()
        shown = f"[{bound[0]}]" if ":" in str(bound[0]) else bound[0]
        logger.info(f"The reading room: http://{shown}:{bound[1]} (Ctrl-C ends it). Research only, not a diagnosis.")
    server.run(sockets=[listening])
    if not server.started:
        raise RequestError("the service could not be started; what is wrong is named above")


def server_of(settings: ServiceSettings) -> uvicorn.Server:
    """Uvicorn with a service, for sockets that are bound.

    Args:
        settings: how the service is set up.
    """
    config = uvicorn.Config(
        create_app(settings),
        http=Connection,
        ws="none",
        log_config=None,  # Uvicorn's log has paths and addresses of clients in it
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(settings.deadline) + 5,
        h11_max_incomplete_event_size=32 << 10,
        backlog=256,
    )
    log = logging.getLogger("uvicorn.error")
    log.handlers, log.propagate = [_Quiet()], False
    return _Server(config)


def check_start(settings: ServiceSettings, host: str) -> None:
    """Open everything that `serve` opens, and close it.

    Raises:
        HilumError: as `serve`.
    """
    require_people(settings, host)
    Service(settings, Metrics()).close()


def require_people(settings: ServiceSettings, host: str) -> ServiceSettings:
    """The same, with signing in where there is anybody who could.

    Raises:
        RequestError: other machines could reach it, and nobody could sign in.
    """
    with open_store(settings.store) as store:
        people = any(account.withdrawn is None for account in store.accounts.users())
    if host not in _LOOPBACK and not people:
        raise RequestError(
            f"--host {host}: other machines can reach that, and nobody could sign in; add people first: hilum user "
            "add NAME, or leave --host out"
        )
    hosts = settings.hosts if host in _LOOPBACK else (*settings.hosts, host)
    return replace(settings, sign_in=people, hosts=tuple(dict.fromkeys((*hosts, *LOCAL_HOSTS))))


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(found[0], found[1])
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(found[4])
    except OSError as error:
        raise RequestError(
            f"{host}:{port}: cannot listen there ({error.strerror or error}); name another --host or --port"
        ) from None
    listening.listen(256)
    return listening


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; what is there by then stays for good, and full collections of garbage leave it out."""
        await super().startup(sockets)
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish what was taken; a signal that asked for that has had its way, and is not raised again."""
        await super().shutdown(sockets)
        self._captured_signals.clear()


class _Quiet(logging.Handler):
    """What Uvicorn says of its own troubles, without what a client has sent."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.ERROR:
            return
        kind = record.exc_info[1] if record.exc_info else None
        if kind is not None:
            logger.error(f"the service: {type(kind).__name__}: {kind}")
