"""Detectors on films kept apart: every film of a folder is scored, whatever the gate says of it.

    python -m benchmarks.official FOLDER RUN_OR_BUNDLE [RUN_OR_BUNDLE …] [--out CSV]

The folder holds films in folders of their classes (any layout that `hilum index` reads), or is a table of them. Each
row is of one detector, a network or a system without one, at its own threshold; intervals are 95% bootstraps over
patients. The CSV has the columns of `docs/data/official_test_0.1.0.csv`; `settings` is what the detector's recipe
sets otherwise than the recipe of that name that comes with this Hilum.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hilum.errors import HilumError, LayoutError, RequestError
from hilum.evaluation.truth import require_known_labels
from hilum.files import write_text
from hilum.films import as_manifest
from hilum.inference import Detector
from hilum.metrics import binary_metrics
from hilum.progress import track
from hilum.recipe import Recipe, first_few, read_recipe
from hilum.recipe.included import recipe_names
from hilum.records import Figure, Manifest
from hilum.workflows.seen_films import notes_on_training

COLUMNS = ("system", "recipe", "settings", "films", "accuracy", "auroc", "sensitivity", "specificity")
# What a run writes down for itself, and what no prediction depends on.
_NO_SETTINGS = ("name", "data", "pixels.lungs_sha256", "weights.sha256", "training.precision", "tune")
_FAMILIES = {"vgg": "S4", "resnet": "S5"}


class Row(NamedTuple):
    """One detector on the films.

    Attributes:
        system: of the study, such as `S1`; else the network or the stages.
        recipe: its name.
        settings: where it differs from the included recipe of that name.
        films: so many, all of them scored.
        patients: so many of them are known.
        figures: accuracy, auroc, sensitivity and specificity, with intervals.
        notes: what to keep in mind about them.
    """

    system: str
    recipe: str
    settings: str
    films: int
    patients: int
    figures: dict[str, Figure]
    notes: tuple[str, ...] = ()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; what is wrong with the films or a bundle ends it in one line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.official")
    parser.add_argument("folder", type=Path, help="films in class folders, or a table of them")
    parser.add_argument("bundles", nargs="+", help="runs or bundles; `shipped` is the one that comes with Hilum")
    parser.add_argument("--split", default="", help="which films, where the folder has several splits")
    parser.add_argument("--out", type=Path, help="a CSV file that gets the rows")
    given = parser.parse_args(arguments)
    try:
        if given.out is not None and given.out.exists():
            raise RequestError(f"{given.out}: is there already; name another file for --out")
        films = films_of(given.folder, given.split)
        detectors = [opened(each) for each in given.bundles]
        rows = [measured(detector, films) for detector in detectors]
        print(markdown(rows))
        for row in rows:
            for note in row.notes:
                print(f"\nnote: {row.recipe}: {note}")
        if given.out is not None:
            write_text(given.out, csv_of(rows))
    except (HilumError, OSError) as error:
        raise SystemExit(f"error: {error}") from None


def films_of(folder: Path, split: str = "") -> Manifest:
    """The labelled films of a folder.

    Raises:
        LayoutError: there are none, not of both classes, or of several splits of which none is named.
    """
    manifest = as_manifest(folder, cut=False)
    splits = sorted({film.split or "none" for film in manifest})
    if len(splits) > 1 and not split:
        raise LayoutError(f"{folder}: holds films of the splits {', '.join(splits)}; name one, as in --split test")
    labelled = manifest.split(split or "all").where(lambda film: bool(film.label))
    if len(labelled.labels) < 2:
        found = f"all films are labelled {labelled.labels[0]}" if labelled.labels else "no film has a label"
        raise LayoutError(f"{folder}: {found}; lay the films in a folder for each class, or name a table of labels")
    return labelled


def opened(bundle: str) -> Detector:
    """The detector of a run's folder, of a bundle's, or `shipped`.

    Raises:
        BundleError: there is no bundle, or it is damaged.
        RequestError: it tells more than two classes apart.
    """
    inner = Path(bundle) / "bundle"
    detector = Detector(inner if (inner / "bundle.json").is_file() else bundle)
    if len(detector.classes) != 2:
        raise RequestError(f"{bundle}: tells {len(detector.classes)} classes apart; these figures are of two")
    return detector


def measured(detector: Detector, films: Manifest, resamples: int = 2000) -> Row:
    """Score every film, and take the figures.

    Raises:
        RequestError: a label is none of the detector's classes.
        LayoutError: a film cannot be read.
    """
    films = films.labelled_by(detector.spec.recipe.labels)
    require_known_labels(films, detector.classes)
    rows = list(track(detector.stream(films), detector.spec.recipe.name, len(films)))
    if lost := [row for row in rows if row.error]:
        raise LayoutError(
            f"{len(lost)} of {len(rows)} films cannot be read, and every one counts; repair them or take them out, "
            f"the first is {lost[0].film.path}: {lost[0].error}"
        )
    threshold = detector.spec.operating_point.threshold
    assert threshold is not None  # of two classes
    patients = [row.film.patient for row in rows]
    figures = binary_metrics(
        [row.film.label == detector.classes[1] for row in rows],
        [row.probs[1] for row in rows],
        threshold,
        patients,
        resamples,
    )
    recipe = detector.spec.recipe
    chosen = {name: figures[name] for name in COLUMNS if name in figures}
    notes = notes_on_training(detector.spec, detector.folder, films, "all")
    known = len(set(patients) - {""})
    return Row(system_of(recipe), recipe.name, settings_of(recipe), len(rows), known, chosen, tuple(notes))


def system_of(recipe: Recipe) -> str:
    """Which of the study's systems a recipe is of, by its name; else what it trains.

    >>> system_of(Recipe("s10-robust")), system_of(Recipe("resnet18")), system_of(Recipe("mine"))
    ('S10', 'S5', 's1-cnn')
    """
    if numbered := re.match(r"s(\d+)-", recipe.name):
        return f"S{numbered[1]}"
    family = next((system for name, system in _FAMILIES.items() if recipe.name.startswith(name)), "")
    return family or recipe.system


def settings_of(recipe: Recipe) -> str:
    """What a recipe sets otherwise than the one of its name that comes with Hilum; empty where none does.

    >>> settings_of(read_recipe("resnet18", ["training.epochs=14", "pixels.region=lungs"]))
    'pixels.region=lungs training.epochs=14'
    """
    if recipe.name not in recipe_names():
        return ""
    usual = dict(_flat(msgspec.to_builtins(read_recipe(recipe.name))))
    return " ".join(
        f"{key}={value}" for key, value in _flat(msgspec.to_builtins(recipe)) if usual.get(key, "") != value
    )


def _flat(table: dict[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Every key of nested tables with its value, as `--set` takes them."""
    for name, value in table.items():
        key = f"{within}{name}"
        if key in _NO_SETTINGS:
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value if isinstance(value, str) else msgspec.json.encode(value).decode()


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table, with intervals, and with the first few settings of each."""
    heads = ("system", "recipe", "films", "patients", "AUROC", "accuracy", "sensitivity", "specificity")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        recipe = f"`{row.recipe}`" + (f" ({first_few(row.settings.split(' '))})" if row.settings else "")
        cells = [row.system, recipe, str(row.films), str(row.patients) if row.patients else "unknown"]
        cells += [_with_interval(row.figures["auroc"], 4)]
        cells += [_with_interval(row.figures[name], 3) for name in ("accuracy", "sensitivity", "specificity")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def csv_of(rows: Sequence[Row]) -> str:
    """The rows as CSV, without intervals."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        figures = [
            f"{float(row.figures[name]):.{4 if name in ('accuracy', 'auroc') else 3}f}" for name in COLUMNS[4:]
        ]
        table.writerow([row.system, row.recipe, row.settings, row.films, *figures])
    return written.getvalue()


def _with_interval(figure: Figure, digits: int) -> str:
    if figure.value is None:
        return "not defined"
    interval = "" if figure.low is None else f" ({figure.low:.{digits}f}–{figure.high:.{digits}f})"
    return f"{figure.value:.{digits}f}{interval}"


if __name__ == "__main__":
    main()
