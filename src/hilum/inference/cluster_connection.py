"""A connection to a Ray cluster, or a cluster on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hilum.errors import RequestError
from hilum.extras import require

require("ray", "--engine ray")
import ray  # noqa: E402
from ray._private.node import Node  # noqa: E402

_CONNECT_TIMEOUT = 10.0
_ENDING_SECONDS = 30.0  # in which processes of Ray still write to their folder after it says that they have ended
_STORE_BYTES = 100_000_000  # what passes between processes are names of parts


@contextmanager
def connect(address: str | None = None, cores: int | None = None) -> Iterator[None]:
    """Connect to a cluster, or start one here, for as long as it is needed; a connection that there is stays.

    Args:
        address: as for `predict_on_cluster`.
        cores: how many workers one that is started here has; without it one a core.

    Raises:
        RequestError: no cluster answers, or none can be started.
    """
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    _require_reachable(address)
    os.environ.setdefault("RAY_agent_register_timeout_ms", "100000")  # a busy machine starts its agents slowly
    os.environ.setdefault(
        "RAY_BACKEND_LOG_LEVEL", "fatal"
    )  # its compiled half writes to stderr, past Python's loggers
    with ExitStack() as opened:
        options = opened.enter_context(_options_of_local(cores)) if address == "local" else {}
        opened.callback(ray.shutdown)
        try:
            with quiet(), _without_stderr(), _without_usage_process():
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
        except Exception as error:  # Ray raises the class itself where a node does not come up in time
            message = str(error).strip().splitlines() or [type(error).__name__]
            what = "Ray did not start here" if address == "local" else f"{address}: no Ray cluster that can be used"
            raise RequestError(f"{what} ({message[0]}); try again, or see what ray status says there") from None
        yield


@contextmanager
def _options_of_local(cores: int | None) -> Iterator[dict[str, Any]]:
    """Those of a cluster of this machine alone. Its logs and sockets are removed with it, and its secret is not kept.

    Ray would keep the secret below the home folder, and the rest among the temporary files for ever.
    """
    if not any(name.startswith("RAY_AUTH_") for name in os.environ):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    folder = mkdtemp(prefix="hilum-")
    try:
        yield {
            "include_dashboard": False,
            "num_cpus": cores,
            "object_store_memory": _STORE_BYTES,
            "_temp_dir": folder,
        }
    finally:
        _remove(folder)


def _remove(folder: str) -> None:
    """Remove a folder that processes of Ray's may still write to, or make anew, once they have ended."""
    until = time.monotonic() + _ENDING_SECONDS
    while os.path.exists(folder):
        is_late = time.monotonic() > until
        if is_late or not _is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)
        if is_late:
            return
        time.sleep(0.05)


def _is_used(folder: str) -> bool:
    """Whether a process is left that was given a folder, by Linux's list of them."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # of a process that has ended meanwhile
            if folder.encode() in each.read_bytes():
                return True
    return False


def _require_reachable(address: str) -> None:
    """Ray itself waits for minutes where nothing answers."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        try:
            socket.create_connection((host, int(port)), _CONNECT_TIMEOUT).close()
        except (OSError, OverflowError) as error:
            raise RequestError(
                f"{address}: no Ray cluster answers ({error}); give its HOST:PORT, or start it"
            ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Ray's own account of a run stays in its logs; what matters of it is reported in one line."""
    loggers = [logging.getLogger(name) for name in ("ray", "ray.data")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _without_usage_process() -> Iterator[None]:
    """Start no process that is there for Ray's dashboard and usage report alone.

    Also with both switched off, Ray (2.60) starts it, and it asks cloud providers' metadata servers where it runs.
    """
    node: Any = Node
    start = node.start_api_server
    node.start_api_server = lambda *_, **__: None
    try:
        yield
    finally:
        node.start_api_server = start


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what compiled code writes to the file descriptor itself, such as that it is asked to be quiet."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
