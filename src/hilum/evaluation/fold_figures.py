"""`folds.json`: how the networks of a cross-validation do, each on the films that it had not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from hilum.evaluation.evaluate import evaluate_predictions
from hilum.files import write_text
from hilum.records import Figure, Manifest, Predictions


class FoldFigures(Struct, frozen=True, kw_only=True):
    """One network's figures on the films that it held out.

    Attributes:
        name: of its run's folder.
        held_out: what sets these films apart where folds are cut by acquisition, in words; else empty.
        films: how many of each class it held out.
        patients: of how many known patients.
        auroc: on them; of more than two classes the mean over the classes, one-vs-rest.
    """

    name: str
    held_out: str
    films: dict[str, int]
    patients: int
    auroc: Figure


class FoldsResult(Struct, frozen=True, kw_only=True):
    """The figures of every fold, and the worst among them.

    Attributes:
        folds_by: what a fold holds out: patients drawn at random, or films that were taken alike.
        folds: in the order of their runs.
        auroc_mean: the mean of the folds' AUROC; None where one is not defined.
        auroc_worst: the lowest one, with its interval.
        worst: the fold that has it.
    """

    folds_by: Literal["patient", "acquisition"]
    folds: tuple[FoldFigures, ...]
    auroc_mean: float | None
    auroc_worst: Figure
    worst: str | None

    def lines(self) -> Iterator[str]:
        """A line for each fold, for the log; the worst is named."""
        for fold in self.folds:
            mark = ", the worst" if fold.name == self.worst else ""
            held = ", ".join(f"{number:,} {label}" for label, number in fold.films.items())
            what = f" ({fold.held_out})" if fold.held_out else ""
            yield f"{fold.name}{what}: {held}; AUROC {fold.auroc!r}{mark}"


def evaluate_folds(
    predictions: Predictions,
    folds_by: Literal["patient", "acquisition"],
    folds: Sequence[tuple[str, str, Manifest]],
    resamples: int = 2000,
) -> FoldsResult:
    """Evaluate each fold's films by what the network said that had not seen them.

    Args:
        predictions: of the films of all folds, each by that network.
        folds_by: how the folds were cut.
        folds: each fold's name, what sets its films apart, and the films.
        resamples: of the patients, for the 95% intervals; 0 gives none.
    """
    by_path = {row.film.path: row for row in predictions}
    found = []
    for name, held_out, films in folds:
        rows = tuple(by_path[film.path] for film in films)
        own = evaluate_predictions(Predictions(predictions.classes, predictions.threshold, rows), resamples)
        tally = Counter(row.film.label for row in rows)
        per_class = {label: tally[label] for label in predictions.classes}
        found.append(
            FoldFigures(name=name, held_out=held_out, films=per_class, patients=own.patients, auroc=own.auroc)
        )
    aurocs = {fold.name: fold.auroc for fold in found if fold.auroc.value is not None}
    worst = min(aurocs, key=lambda name: float(aurocs[name])) if aurocs else None
    return FoldsResult(
        folds_by=folds_by,
        folds=tuple(found),
        auroc_mean=sum(map(float, aurocs.values())) / len(found) if len(aurocs) == len(found) else None,
        auroc_worst=aurocs[worst] if worst else Figure(None),
        worst=worst,
    )


def write_folds(result: FoldsResult, path: Path) -> None:
    """Write `folds.json`; what is not defined is null."""
    write_text(path, msgspec.json.format(msgspec.json.encode(result, enc_hook=float), indent=2).decode() + "\n")
