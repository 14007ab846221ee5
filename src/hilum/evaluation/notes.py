"""What a reader should keep in mind about the figures: what is missing, and what rests on few films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hilum.evaluation.wording import films, listed
from hilum.records import Figure, Predictions

_NAMES = {"auroc": "AUROC", "f1": "F1", "ece": "calibration error", "ece_debiased": "debiased calibration error"}
FEW_FILMS = 30  # of a class; below it a single film moves its sensitivity by more than 3 points


def on_counting(predictions: Predictions, n: int) -> list[str]:
    """Which films no figure counts; `n` films have both a label and a prediction."""
    n_failed = len(predictions.failed)
    notes = []
    if n_failed:
        notes.append(f"{films(n_failed)} could not be read; no figure counts {_them(n_failed)}.")
    if unlabelled := len(predictions) - n_failed - n:
        notes.append(f"{films(unlabelled)} without a label: no figure counts {_them(unlabelled)}.")
    if not n:
        notes.append("No film has both a label and a prediction, so no figure can be computed.")
    return notes


def on_few(counts: Mapping[str, int], split: str = "") -> list[str]:
    """Which classes have few films; `counts` gives how many each has, in a split that may be named."""
    where = f" of the split {split}" if split else ""
    return [
        f"Only {films(count)}{where} labelled {name}: each of them is {1 / count:.0%} of any figure on {name}."
        for name, count in counts.items()
        if 0 < count < FEW_FILMS
    ]


def on_patients(patients: Sequence[str]) -> list[str]:
    """How many patients, one a film, are not known."""
    unknown = sum(not patient for patient in patients)
    if not unknown:
        return []
    whose = "No patient is known" if unknown == len(patients) else f"The patient of {films(unknown)} is not known"
    return [
        f"{whose}: each such film counts as a patient of its own, and where patients have several films the "
        "intervals are too narrow."
    ]


def on_chance(auroc: Figure) -> list[str]:
    """Whether guessing might do as well."""
    lowest = lowest_of(auroc)
    if lowest is None or lowest > 0.5:
        return []
    return [
        "These films do not show the detector to be better than chance: its AUROC may be as low as "
        f"{lowest:.2f}, and chance gives 0.50."
    ]


def lowest_of(figure: Figure) -> float | None:
    """The lower end of a figure's interval, or the figure itself where it has none."""
    return figure.value if figure.low is None else figure.low


def on_intervals(figures: Mapping[str, Figure]) -> list[str]:
    """Which figures have no interval although one was asked for."""
    bare = [
        _NAMES.get(name, name.replace("_", " "))
        for name, figure in figures.items()
        if figure.value is not None and figure.low is None
    ]
    if not bare:
        return []
    return [
        f"No interval for {listed(bare)}: the resamples of these films all agree, or leave it undefined. "
        "That shows too few films or errors, not certainty."
    ]


def _them(count: int) -> str:
    return "it" if count == 1 else "them"
