"""A node in a process of its own, whose detector answers by rule and whose destination is a folder.

    python -m tests.pacs.ruled_node NAME STORE FOLDER OUT FIRST LAST

It takes in the films of those numbers, says so by a file OUT/NAME.ready, and goes on until it is ended. While a file
OUT/NAME.hold is there, its destination takes nothing and does not answer; OUT/NAME/RESULT says what it was given.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

from hilum.pacs import sweeper
from hilum.pacs.node import Node
from hilum.pacs.settings import Destination, NodeSection, NodeSettings
from tests.pacs.films import film
from tests.pacs.parts import KeepingSender, RuledAnswers, arrive

BEAT_SECONDS, DEAD_SECONDS = 0.2, 8.0


def main() -> None:
    """Run it."""
    sweeper.DEAD_SECONDS = DEAD_SECONDS
    name, store, folder, out, first, last = sys.argv[1:]
    taken, hold, held = Path(out), Path(out) / f"{name}.hold", Path(out) / name
    held.mkdir(exist_ok=True)

    def take(path: Path) -> None:
        while hold.exists():
            (held / path.stem).touch()
            time.sleep(0.02)
        content = path.read_bytes()
        number = len(list(taken.glob("*.dcm")))
        (taken / f"{path.stem}-{hashlib.sha256(content).hexdigest()[:8]}-{name}-{number}.dcm").write_bytes(content)

    settings = NodeSettings(
        node=NodeSection(name=name, store=store, folder=folder),
        destinations=(Destination(name="pacs", kind="c-store"),),
    )
    node = Node(settings, lambda _: RuledAnswers(), lambda _: KeepingSender(outcome=take), beat_seconds=BEAT_SECONDS)
    node.start()
    for number in range(int(first), int(last)):
        arrive(node, film(number))
    (taken / f"{name}.ready").touch()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
