"""What decoding large JPEGs at a fraction of their size changes and saves.

    python -m benchmarks.scaled_decoding --films ../shared/data/fullres

Of the films in `--films`, in a folder for each class: how far their squares lie from those of the whole films, in
grey levels; what the shipped detector says of both; and the time that one core needs for both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.inference import Detector
from hilum.metrics import auroc
from hilum.pixels import decode, preprocess, read_square
from hilum.recipe import Pixels

SIZES, ROUNDS = (64, 128, 224), 3


def main() -> None:
    """Print a line a size, then what the detector makes of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", type=Path, default=Path("../shared/data/fullres"))
    paths = sorted(map(str, parser.parse_args().films.rglob("*.jp*g")))
    if not paths:
        print("no full-size films are here; name a folder of them with --films DIR")
        return
    for size in SIZES:
        spec = Pixels(size=size)
        ways: dict[str, Callable[[str], NDArray[np.uint8]]] = {
            "whole": lambda path, spec=spec: preprocess(decode(path), spec),  # type: ignore[misc]
            "fraction": lambda path, spec=spec: read_square(path, spec).levels,  # type: ignore[misc]
        }
        squares, seconds = _in_turn(ways, paths)
        errors = np.abs(squares["whole"].astype(np.int64) - squares["fraction"]).mean(axis=(1, 2))
        print(
            f"{size} px: {len(paths)} films differ by {errors.mean():.3f} grey levels in the mean, by "
            f"{errors.max():.3f} in the worst film; {seconds['whole'] * 1e3:.2f} ms a whole film, "
            f"{seconds['fraction'] * 1e3:.2f} ms a fraction"
        )
        if size == 128:
            _judge(squares, ["PNEUMONIA" in path for path in paths])


def _in_turn(
    ways: dict[str, Callable[[str], NDArray[np.uint8]]], paths: Sequence[str]
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, float]]:
    """Squares of every way, and the median over the rounds of a film's mean seconds."""
    squares, seconds = {}, {name: list[float]() for name in ways}
    for _ in range(ROUNDS):
        for name, read in ways.items():
            started = time.perf_counter()
            squares[name] = np.stack([read(path) for path in paths])
            seconds[name].append((time.perf_counter() - started) / len(paths))
    return squares, {name: statistics.median(each) for name, each in seconds.items()}


def _judge(squares: dict[str, NDArray[np.uint8]], labels: Sequence[bool]) -> None:
    detector = Detector()
    whole, fraction = (detector.probs(squares[name])[:, 1] for name in ("whole", "fraction"))
    apart = np.abs(whole - fraction)
    truth, threshold = np.array(labels), detector.spec.operating_point.threshold
    assert threshold is not None
    print(
        f"        the shipped detector's probabilities differ by {apart.mean():.5f} in the mean, {apart.max():.5f} "
        f"at most; {np.count_nonzero((whole >= threshold) != (fraction >= threshold))} calls change; AUROC "
        f"{auroc(truth, whole):.4f} whole, {auroc(truth, fraction):.4f} as a fraction"
    )


if __name__ == "__main__":
    main()
