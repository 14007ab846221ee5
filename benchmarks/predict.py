"""`hilum predict` on one film from a cold start, as a whole process.

Targets: under 2 s wall, under 400 MB at its peak, and no torch among the imported modules.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from hilum.pixels import chest_phantom

RUNS = 7
COMMAND = "from hilum.cli import main; main()"
LOADED = "import sys, atexit; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); "


def main() -> None:
    """Print the medians of several runs."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.png"
        Image.fromarray((chest_phantom(1, (1024, 1280)) * 255).astype(np.uint8)).save(film)
        command = [sys.executable, "-c", COMMAND, "predict", str(film)]
        walls, peaks = zip(*(_once(command) for _ in range(RUNS)), strict=True)
        answer = subprocess.run(
            [sys.executable, "-c", LOADED + COMMAND, "predict", str(film)], capture_output=True, text=True, check=True
        )
    print(f"wall    median {statistics.median(walls):.2f} s    ({min(walls):.2f} to {max(walls):.2f}, {RUNS} runs)")
    print(f"memory  median {statistics.median(peaks):.0f} MB   ({min(peaks):.0f} to {max(peaks):.0f})")
    print(f"torch imported: {answer.stderr.splitlines()[-1]}")


def _once(command: list[str]) -> tuple[float, float]:
    """Wall seconds, and the peak of resident memory in MB, of one process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0, f"{' '.join(command)} failed"
    return time.perf_counter() - started, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
