"""Measure Hilum, its peers and the machine's limits in one run; print the table, write it and a plot into `docs/`.

    make bench

Each module gives rows (`measure`); what the targets are stands with them.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import engines, install, limits, predict, scoring, serving, training
from benchmarks.table import draw, in_words, to_json
from hilum.training.precision import describe_processor

MODULES = (training, engines, scoring, serving, predict, install)  # each has measure() -> list[Row]
DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Print the table; write `docs/benchmarks.md`, `docs/benchmarks.json` and `docs/benchmarks.svg`."""
    started = time.monotonic()
    rows = []
    bounds = limits.measure()
    for module in MODULES:
        print(f"{module.__name__} …", flush=True)
        rows += module.measure()
    table = in_words(rows, bounds)
    (DOCS / "benchmarks.md").write_text(
        f"# Benchmarks\n\nWritten by `make bench`, on {describe_processor()}.\n{table}\n"
    )
    (DOCS / "benchmarks.json").write_text(to_json(rows, bounds))
    draw(rows, DOCS / "benchmarks.svg")
    print(table)
    print(f"{(time.monotonic() - started) / 60:.0f} minutes; docs/benchmarks.md, .json and .svg are written")


if __name__ == "__main__":
    main()
