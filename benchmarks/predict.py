"""`hilum predict` on one film from a cold start, as a whole process.

Targets: under a second, under 400 MB at its peak, and no torch among the imported modules.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.rows import Row, Target
from benchmarks.table import in_words
from hilum.pixels import chest_phantom

RUNS = 7
COMMAND = "from hilum.cli import main; main()"
# At its end the process says what it has taken: what the parent sees of it includes the parent's own pages.
SAID = """import atexit, sys; from pathlib import Path; atexit.register(lambda: print("torch" in sys.modules,
Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0], file=sys.stderr)); """


def measure() -> list[Row]:
    """Seconds and megabytes of each run; raises AssertionError where torch was imported."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.png"
        Image.fromarray((chest_phantom(1, (1024, 1280)) * 255).astype(np.uint8)).save(film)
        walls, peaks = zip(*(_once(film) for _ in range(RUNS)), strict=True)
    work = "one film, from a cold start to its answer, without torch"
    return [
        Row(work, "Hilum", walls, "s", (Target(1, at_most=True),)),
        Row(f"{work}: memory", "Hilum", peaks, "MB", (Target(400, at_most=True),)),
    ]


def _once(film: Path) -> tuple[float, float]:
    """Wall seconds of a process, and the peak of its resident memory in MB."""
    command = [sys.executable, "-c", SAID + COMMAND, "predict", str(film)]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    wall = time.perf_counter() - started
    torch, kilobytes = done.stderr.splitlines()[-1].split()
    assert torch == "False", "torch was imported"
    return wall, int(kilobytes) / 1000


def main() -> None:
    """Print the medians of several runs, and what became of the targets."""
    print(in_words(measure(), []))


if __name__ == "__main__":
    main()
