"""What this machine can do at most: decode films, multiply and add in convolutions, move memory.

    python -m benchmarks.limits

Nothing of Hilum is measured here. Convolutions are the best of a few that are as large as VGG's; decoding is
libjpeg-turbo's, to grey, from bytes in memory, on every core.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.data import films_in, full_size, training_films
from benchmarks.rows import Row

WORK = "limit of the machine"
ROUNDS = 5
SHAPES = (
    (64, 64, 112),
    (128, 128, 56),
    (256, 256, 28),
    (512, 512, 14),
)  # channels in, channels out, side; of 16 films
COPIED = 1 << 28  # bytes


def measure() -> list[Row]:
    """Rows of the system's name `convolution, float32`, `convolution, bfloat16`, `memory`, `decoding, …`."""
    rows = []
    for dtype in (torch.float32, torch.bfloat16):
        name = f"convolution, {str(dtype).removeprefix('torch.')}"
        rows.append(Row(WORK, name, _rounds(_convolutions(dtype)), "GFLOP/s"))
    source, copy = torch.ones(COPIED, dtype=torch.uint8), torch.empty(COPIED, dtype=torch.uint8)
    rows.append(Row(WORK, "memory", _rounds(lambda: 2 * COPIED / 1e9 / _seconds(lambda: copy.copy_(source))), "GB/s"))
    kinds = {"small films": films_in(training_films())[:400], "full-size films": full_size()}
    for kind, paths in kinds.items():
        if paths:
            rows.append(Row(WORK, f"decoding, {kind}", _rounds(_decoding(paths)), "films/s"))
    return rows


def _rounds(rate: Callable[[], float]) -> tuple[float, ...]:
    rate()
    return tuple(rate() for _ in range(ROUNDS))


def _convolutions(dtype: torch.dtype) -> Callable[[], float]:
    """GFLOP/s of the fastest shape."""
    cases = []
    for inputs, outputs, side in SHAPES:
        maps = torch.rand(16, inputs, side, side, dtype=dtype).contiguous(memory_format=torch.channels_last)
        weights = torch.rand(outputs, inputs, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
        cases.append((maps, weights, 16 * 2 * 9 * inputs * outputs * side * side / 1e9))

    def rate() -> float:
        with torch.inference_mode():
            return max(work / _seconds(lambda: F.conv2d(maps, weights, padding=1)) for maps, weights, work in cases)  # noqa: B023

    return rate


def _decoding(paths: list[Path]) -> Callable[[], float]:
    encoded = [np.frombuffer(path.read_bytes(), np.uint8) for path in paths]
    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(os.cpu_count())  # OpenCV lets go of Python's lock

    def decode(film: np.ndarray) -> None:
        assert cv2.imdecode(film, cv2.IMREAD_GRAYSCALE) is not None

    return lambda: len(encoded) / _seconds(lambda: list(pool.map(decode, encoded)))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Print a line for each."""
    for row in measure():
        print(
            f"{row.system:<28}{row.median:>10,.0f} {row.unit:<8} ({min(row.values):,.0f} to {max(row.values):,.0f})"
        )


if __name__ == "__main__":
    main()
