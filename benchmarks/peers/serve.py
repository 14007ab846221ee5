"""The one protocol of all peers: a line comes in, the work is done, its time goes out as a line of JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Work = Callable[[], int]  # does it once; returns how many films went through


def serve(prepare: Mapping[str, Callable[[Path], Work]]) -> None:
    """Prepare the work that the command line names, do it once to warm up, then whenever a line comes.

    What libraries print goes to stderr: stdout carries the answers alone.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, folder = sys.argv[1:]
    work = prepare[name](Path(folder))
    work()
    print("ready", file=answers)
    for _ in sys.stdin:
        started = time.perf_counter()
        films = work()
        seconds = time.perf_counter() - started
        print(json.dumps({"films": films, "seconds": seconds}), file=answers)
