"""Where a detector comes from, as a report shows it: from its bundle, or from a table of probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hilum.bundle.spec import Spec
from hilum.evaluation.results import Evaluation
from hilum.recipe import Pixels, write_recipe


@dataclass(frozen=True, slots=True)
class DetectorOrigin:
    """Where a detector comes from.

    Attributes:
        name: of its recipe, or of the table.
        system: what it is, in a few words.
        provenance: name and value of each line.
        training_films: of each split its name, films, patients and classes.
        history: the rows of `history.csv`.
        candidates: what cross-validation tried: of each its number, features kept, strength and AUROC.
        nested: the AUROC of nested cross-validation; None where there was none.
        recipe: the whole recipe as TOML; empty where there is none.
    """

    name: str
    system: str
    provenance: Sequence[tuple[str, str]]
    training_films: Sequence[tuple[str, str, str, str]] = ()
    history: Sequence[dict[str, float]] = ()
    candidates: Sequence[tuple[str, str, str, str]] = ()
    nested: float | None = None
    recipe: str = ""


def origin_of_bundle(spec: Spec, evaluation: Evaluation) -> DetectorOrigin:
    """The origin of a bundle's detector."""
    size = spec.recipe.pixels.size
    return DetectorOrigin(
        name=spec.recipe.name,
        system=f"{spec.recipe.system} on films of {size} × {size} pixels",
        provenance=_provenance(spec, evaluation),
        training_films=[_split_row(name, card.films, card.patients) for name, card in spec.data.items()],
        history=spec.history,
        candidates=_candidates(spec.history),
        nested=next((row["nested_auroc"] for row in spec.history if "nested_auroc" in row), None),
        recipe=write_recipe(spec.recipe),
    )


def origin_of_table(evaluation: Evaluation) -> DetectorOrigin:
    """The origin of probabilities that another program wrote."""
    decision = "the most probable class" if evaluation.threshold is None else f"{evaluation.threshold:.4g}"
    return DetectorOrigin(
        name=evaluation.detector.name,
        system="probabilities from a table",
        provenance=[
            ("Probabilities", f"a table, {evaluation.detector.name}, not computed by Hilum"),
            ("Decision" if evaluation.threshold is None else "Threshold", decision),
            _intervals(evaluation),
            ("Table's fingerprint", evaluation.detector.seal),
        ],
    )


def _provenance(spec: Spec, evaluation: Evaluation) -> list[tuple[str, str]]:
    point, calibration = spec.operating_point, spec.calibration
    corrected = "none: the detector's own probabilities" if calibration.method == "none" else calibration.method
    decision = (
        ("Decision", "the most probable class, without a threshold")
        if point.threshold is None
        else ("Threshold", f"{point.threshold:.4g}, rule '{point.rule}', chosen on {point.chosen_on}")
    )
    return [
        ("Recipe", f"{spec.recipe.name} (seed {spec.recipe.seed})"),
        _system(spec),
        ("Preprocessing", _preprocessing(spec.recipe.pixels)),
        decision,
        ("Calibration", corrected + (f", chosen on {calibration.chosen_on}" if calibration.chosen_on else "")),
        _intervals(evaluation),
        ("Bundle", f"written {spec.created} by Hilum {spec.hilum}, schema {spec.schema}"),
        ("Bundle's seal", spec.seal or "not sealed"),
        ("Data fingerprint", spec.data_fingerprint),
        ("Code fingerprint", spec.code_fingerprint),
    ]


def _intervals(evaluation: Evaluation) -> tuple[str, str]:
    return "Intervals", f"95%, {evaluation.resamples:,} resamples of the patients, seed {evaluation.seed}"


def _candidates(history: Sequence[dict[str, float]]) -> list[tuple[str, str, str, str]]:
    """What cross-validation tried: of each its number, the features that it kept, its strength and its AUROC."""
    taken = next((row["choice"] for row in history if "nested_auroc" in row), None)
    return [
        (
            f"{row['choice']:.0f}{', selected' if row['choice'] == taken else ''}",
            f"{row['selected']:.0f}" if "selected" in row else "all",
            f"{row['strength']:g}",
            f"{row['folds_auroc']:.4f}",
        )
        for row in history
        if "folds_auroc" in row
    ]


def _system(spec: Spec) -> tuple[str, str]:
    if spec.recipe.classical:
        steps = ", ".join(spec.recipe.classical.steps) or "nothing"
        return "System", f"{spec.recipe.system}; prepared by {steps}"
    return "Network", f"{spec.recipe.model.name}, input normalised by {spec.recipe.model.normalise}"


def _preprocessing(pixels: Pixels) -> str:
    steps = [f"cropped to the lungs with a margin of {pixels.margin:.0%}"] if pixels.region == "lungs" else []
    steps += [f"{pixels.size} × {pixels.size} pixels", pixels.resize]
    steps += [f"{pixels.crop:.0%} cut off each border"] if pixels.crop else []
    steps += [pixels.denoise] if pixels.denoise != "none" else []
    steps += ["grey scale of the lungs"] if pixels.grey_from == "lungs" else []
    steps += [pixels.equalise] if pixels.equalise != "none" else []
    return ", ".join(steps)


def _split_row(name: str, counts: dict[str, int], patients: int) -> tuple[str, str, str, str]:
    total = Counter(counts).total()
    held = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    return name, f"{total:,}", f"{patients:,}" if patients else "unknown", held
