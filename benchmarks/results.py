"""Rows of the README's table of results, as Markdown, from what runs and their evaluations wrote down.

    python -m benchmarks.results runs/vgg19 runs/resnet50

A run that was evaluated with `--split val --shifts --out RUN/val`, and on the adults with `--out RUN/nih`, has every
figure; one that was not measured is left empty. The time is that of all epochs, without the pass of frozen stages.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from hilum.history import read_history

FIGURES = (
    ("val", ("auroc",), 4),
    ("val", ("accuracy",), 3),
    ("val", ("shifted", "auroc_mean"), 4),
    ("val", ("familiar", "auroc_mean"), 4),
    ("val", ("familiar", "specificity_mean"), 3),
    ("nih", ("auroc",), 3),
)


def main() -> None:
    """Print a row for each run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="+", type=Path)
    for run in parser.parse_args().runs:
        cells = [
            run.name,
            *_training(run),
            *(_figure(run / folder, keys, digits) for folder, keys, digits in FIGURES),
        ]
        print(f"| {' | '.join(cells)} | measured apart |")


def _training(run: Path) -> tuple[str, str]:
    """Size and epochs (or choices that were tried), and the time of them all, of one network or of all members."""
    spec = json.loads((run / "bundle" / "bundle.json").read_text())
    rows = [row for path in sorted(run.rglob("history.csv")) for row in read_history(path)]
    minutes = sum(row.get("seconds", 0.0) for row in rows) / 60
    return f"{spec['recipe']['pixels']['size']} px; {len(rows)}", f"{minutes:.1f} min"


def _figure(evaluation: Path, keys: tuple[str, ...], digits: int) -> str:
    if not (evaluation / "metrics.json").exists():
        return ""
    found: Any = json.loads((evaluation / "metrics.json").read_text())
    for key in keys:
        found = (found or {}).get(key)
    if not found or found["value"] is None:
        return ""
    return f"{found['value']:.{digits}f} ({found['low']:.{digits}f}–{found['high']:.{digits}f})"


if __name__ == "__main__":
    main()
