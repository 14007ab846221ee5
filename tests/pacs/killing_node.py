"""A node that ends itself with SIGKILL at a named place of its work.

    python -m tests.pacs.killing_node PLACE NTH FILE.toml

It is `hilum node FILE.toml`; when PLACE is come to for the NTH time, it writes FILE.toml.hit and is gone.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Place(NamedTuple):
    """Where a node ends.

    Attributes:
        what: `module:function` or `module:Class.method`.
        after: whether it has been done; else it was about to be.
        only: whether this call counts, by its arguments.
    """

    what: str
    after: bool
    only: Callable[..., bool] = lambda *args, **options: True


def _of_file(kind: str) -> Callable[..., bool]:
    """Calls with a result's path."""
    return lambda self, path, *rest: path.name.endswith(f"-{kind}.dcm")


def _of_kind(kind: str) -> Callable[..., bool]:
    return lambda self, workflow_id, given, *rest: given == kind


_KEEP, _WRITE = "hilum.pacs.spool:SpoolFile.keep", "hilum.pacs.folders:NodeFolders.write"
_RECEIVE, _ANSWER = "hilum.store.node_films:NodeFilms.receive", "hilum.store.node_films:NodeFilms.answer"
_PREDICT, _REPORT, _DRAW = (f"hilum.pacs.steps:FilmSteps.{name}" for name in ("predict", "report", "draw"))
_SEND, _ACCEPTED = "hilum.pacs.senders.c_store:CStoreSender.send", "hilum.store.node_sendings:NodeSendings.accepted"
PLACES = {
    "receiving: before the film is on the disk": Place(_KEEP, after=False),
    "receiving: the film is on the disk": Place(_KEEP, after=True),
    "receiving: enqueued, not yet acknowledged": Place(_RECEIVE, after=True),
    "predicting: before": Place(_PREDICT, after=False),
    "predicting: before the answer is stored": Place(_ANSWER, after=False),
    "predicting: done": Place(_PREDICT, after=True),
    "report: before it is written": Place(_WRITE, after=False, only=_of_file("report")),
    "report: written": Place(_WRITE, after=True, only=_of_file("report")),
    "report: enqueued": Place(_REPORT, after=True),
    "sending the report: before": Place(_SEND, after=False, only=_of_file("report")),
    "sending the report: the PACS has accepted it": Place(_SEND, after=True, only=_of_file("report")),
    "sending the report: noted": Place(_ACCEPTED, after=True, only=_of_kind("report")),
    "picture: before it is drawn": Place(_DRAW, after=False),
    "picture: written": Place(_WRITE, after=True, only=_of_file("capture")),
    "picture: enqueued": Place(_DRAW, after=True),
    "sending the picture: the PACS has accepted it": Place(_SEND, after=True, only=_of_file("capture")),
    "sending the picture: noted": Place(_ACCEPTED, after=True, only=_of_kind("capture")),
}


def kill_at(place: Place, nth: int, marker: str) -> None:
    """Have this process end itself at a place, when it is come to for the nth time."""
    module, _, path = place.what.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function = getattr(owner, name)
    count, lock = [0], threading.Lock()

    def end() -> None:
        with lock:
            count[0] += 1
            if count[0] != nth:
                return
        with open(marker, "w") as file:
            file.write(place.what)
        os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(*args: Any, **options: Any) -> Any:
        counts = place.only(*args, **options)
        if counts and not place.after:
            end()
        result = function(*args, **options)
        if counts and place.after:
            end()
        return result

    setattr(owner, name, wrapped)


def main() -> None:
    """Run the node."""
    place, nth, file = sys.argv[1:]
    if place:
        kill_at(PLACES[place], int(nth), f"{file}.hit")
    from hilum.cli import main as hilum

    sys.argv = ["hilum", "node", file]
    hilum()


if __name__ == "__main__":
    main()
