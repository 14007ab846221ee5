"""Rows of the first table of `docs/results.md`, as Markdown, from what runs and their evaluations wrote down.

    python -m benchmarks.results runs/s1-cnn runs/s1-robust [--official CSV]
    python -m benchmarks.results runs/s1-robust --against runs/s1-cnn

A run that was evaluated with `--split val --shifts --out RUN/val`, and on the adults with `--out RUN/nih`, has every
figure; what was not measured is called that. The time is that of all epochs, without the pass of frozen stages. The
CSV is what `python -m benchmarks.official` wrote of the official test; it is measured apart.
`--against` prints how far each figure of each run is above or below that of another one instead; intervals of such
differences are in `hilum compare RUN ANOTHER_RUN`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.agreement import official_test
from benchmarks.official import settings_of, system_of
from hilum.bundle import Spec, read
from hilum.errors import HilumError, RequestError
from hilum.evaluation import Evaluation, read_metrics
from hilum.evaluation.result_parts import BatteryResult
from hilum.history import read_history
from hilum.records import Figure

NOT_MEASURED, APART = "not measured", "measured apart"


class Column(NamedTuple):
    """A figure of an evaluation: its head, the folder of a run that has it, where it is there, and its digits."""

    head: str
    folder: str
    of: Callable[[Evaluation], Figure | None]
    digits: int


def _of(battery: str, figure: Callable[[BatteryResult], Figure]) -> Callable[[Evaluation], Figure | None]:
    def find(found: Evaluation) -> Figure | None:
        result: BatteryResult | None = getattr(found, battery)
        return None if result is None else figure(result)

    return find


FIGURES = (
    Column("validation AUROC", "val", lambda found: found.auroc, 4),
    Column("accuracy", "val", lambda found: found.accuracy, 3),
    Column("`shifts-1`", "val", _of("shifted", lambda result: result.auroc_mean), 4),
    Column("`familiar-1`", "val", _of("familiar", lambda result: result.auroc_mean), 4),
    Column("`familiar-1`: specificity", "val", _of("familiar", lambda result: result.specificity_mean), 3),
    Column("`shifts-2`", "val", _of("elsewhere", lambda result: result.auroc_mean), 4),
    Column("lungs blanked", "val", _of("controls", lambda result: result.per_shift["lungs_blanked"].auroc), 3),
    Column("outer tenth", "val", _of("controls", lambda result: result.per_shift["border_only"].auroc), 3),
    Column("nih_sample AUROC", "nih", lambda found: found.auroc, 3),
)
HEADS = ("system", "recipe", "films; epochs", "time", *(column.head for column in FIGURES))
OFFICIAL_HEADS = ("official test: AUROC", "official test: accuracy")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results")
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--against", type=Path, help="a run; print the differences from it instead")
    parser.add_argument("--official", type=Path, help="a CSV file that benchmarks.official wrote")
    given = parser.parse_args(arguments)
    try:
        if given.against is not None:
            heads: tuple[str, ...] = ("", *(column.head for column in FIGURES))
            rows = [difference(run, given.against) for run in given.runs]
        else:
            measured = {} if given.official is None else official_test(given.official)
            heads, rows = (*HEADS, *OFFICIAL_HEADS), [row(run, measured) for run in given.runs]
    except (HilumError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    for cells in (heads, ["---"] * len(heads), *rows):
        print(f"| {' | '.join(cells)} |")


def row(run: Path, official: dict[str, dict[str, str]]) -> list[str]:
    """A run's system, recipe, films and epochs, time and figures, each with its interval.

    Raises:
        HilumError: there is no finished run, or its files are damaged.
    """
    spec = _spec(run)
    figures = [_cell(_figure(run, column), column.digits) for column in FIGURES]
    apart = official.get(spec.recipe.name)
    tested = [f"{float(apart['auroc']):.4f}", f"{float(apart['accuracy']):.3f}"] if apart else [APART, APART]
    return [system_of(spec.recipe), _recipe(spec), *_training(run, spec), *figures, *tested]


def difference(run: Path, other: Path) -> list[str]:
    """How far each figure of a run is above (+) or below another one's, where both were measured.

    Raises:
        HilumError: one of them is no finished run, or its files are damaged.
    """
    cells = [f"{_recipe(_spec(run))} less {_recipe(_spec(other))}"]
    for column in FIGURES:
        mine, theirs = (_figure(each, column) for each in (run, other))
        cells.append(f"{float(mine) - float(theirs):+.{column.digits}f}" if mine and theirs else NOT_MEASURED)
    return cells


def _spec(run: Path) -> Spec:
    if not (run / "bundle" / "bundle.json").is_file():
        raise RequestError(f"{run}: no finished run; name the folder that hilum train wrote")
    return read(run / "bundle").spec


def _recipe(spec: Spec) -> str:
    """The name of the recipe, and what it sets otherwise than the one of that name that comes with Hilum."""
    settings = settings_of(spec.recipe)
    return f"`{spec.recipe.name}`" + (f" ({settings})" if settings else "")


def _training(run: Path, spec: Spec) -> tuple[str, str]:
    """Side and epochs (or choices that were tried), and the time of them all, of one network or of all members."""
    rows = [row for path in sorted(run.rglob("history.csv")) for row in read_history(path)]
    minutes = sum(row.get("seconds", 0.0) for row in rows) / 60
    return f"{spec.recipe.side} px; {len(rows)}", f"{minutes:.1f} min"


def _figure(run: Path, column: Column) -> Figure | None:
    """A figure with its interval; None where it was not measured or is not defined."""
    path = run / column.folder / "metrics.json"
    found = column.of(read_metrics(path)) if path.exists() else None
    return found if found is not None and found.value is not None else None


def _cell(figure: Figure | None, digits: int) -> str:
    if figure is None:
        return NOT_MEASURED
    interval = "" if figure.low is None else f" ({figure.low:.{digits}f}–{figure.high:.{digits}f})"
    return f"{figure.value:.{digits}f}{interval}"


if __name__ == "__main__":
    main()
