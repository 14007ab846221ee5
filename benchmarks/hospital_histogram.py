"""The grey levels of another hospital's films, as `hilum.shifts.elsewhere` holds them.

    python -m benchmarks.hospital_histogram --data ../shared/data/rsna_normal

Prints the grey at each sixteenth of the pixels, from the darkest to the brightest, 0 to 1: the mean over the films of
patients under 18 (of a folder with `images/` and a table `films.csv` with the columns `image` and `age`).
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from hilum.pixels import decode

SIXTEENTHS = np.linspace(0, 1, 17)


def main() -> None:
    """Print the films counted, and the seventeen levels."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data/rsna_normal"))
    folder = parser.parse_args().data
    with (folder / "films.csv").open(encoding="utf-8", newline="") as file:
        children = [row["image"] for row in csv.DictReader(file) if int(row["age"]) < 18]
    levels = [np.quantile(decode(str(folder / "images" / name)), SIXTEENTHS) for name in children]
    print(f"{len(children)} films of patients under 18")
    print(", ".join(f"{level:.3f}" for level in np.mean(levels, axis=0)))


if __name__ == "__main__":
    main()
