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


PLACES: dict[str, Place] = {}


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
