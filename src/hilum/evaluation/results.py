"""What an evaluation found, as types. They are the schema of `metrics.json` too: field for field, key for key.

A figure is a `Figure(value, low, high)`: a number with its 95% interval, or `Figure(None)` where these films do not
define it. `metrics_file` reads and writes the file.
"""

from __future__ import annotations

from html import escape

from msgspec import Struct, field

from hilum.evaluation.acquisition_parts import AcquisitionResult
from hilum.evaluation.answered_parts import UNDEFINED, AnsweredResult
from hilum.evaluation.brief import (
    acquisition_lines,
    answer_lines,
    interval_of,
    line_of,
    number_of,
    set_lines,
    table_lines,
    with_interval,
)
from hilum.evaluation.result_parts import (
    AtPrevalence,
    AuditSummary,
    BatteryResult,
    ClassFigures,
    DetectorRecord,
    GateFigures,
    PairFigures,
    PredictionSetsResult,
    SelectiveResult,
    ShiftResult,
    Subgroup,
)
from hilum.records import Figure

FIGURES = (
    "auroc", "accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision", "recall", "f1",
    "average_precision", "brier", "log_loss", "ece", "ece_debiased",
)  # fmt: skip
_IN_BRIEF = (
    "auroc",
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "brier",
    "log_loss",
    "ece",
)  # what a terminal shows


class Evaluation(Struct, frozen=True, kw_only=True):
    """How good a detector is on some labelled films: what `hilum.evaluate` returns and `metrics.json` holds.

    Of two classes the last one is positive. Of more, AUROC, sensitivity, specificity, precision and F1 are means over
    the classes, each against all the others (macro, one-vs-rest).

    Attributes:
        auroc: area under the ROC curve, 0 to 1; 0.5 is chance.
        accuracy: the share of films whose predicted class is their label.
        balanced_accuracy: the mean of the classes' sensitivities.
        sensitivity: the share of positive films that are called positive.
        specificity: the share of negative films that are called negative.
        precision: the share of films called positive that are.
        recall: another name of sensitivity; two classes only.
        f1: harmonic mean of precision and sensitivity.
        average_precision: area under the precision–recall curve; two classes only.
        brier: mean squared error of the probabilities; of more than two classes summed over them.
        log_loss: mean negative logarithm of the true class's probability, in nats.
        ece: expected calibration error, 15 bins of equal width.
        ece_debiased: root mean square calibration error without what chance adds, 15 bins of equally many films.
        n: films with a label and a prediction: those that the figures are of.
        patients: how many known patients they are of.
        n_failed: films that could not be read.
        n_unlabelled: films that could be read and have no label.
        confusion: of two classes `tn`, `fp`, `fn`, `tp`; of more, by label, how many films are called each class.
        threshold: the positive class is called from this probability on; None with more than two classes.
        auroc_delong: AUROC with DeLong's interval; two classes only.
        classes: their names.
        per_class: each class against the rest; more than two classes only.
        pairs: two classes at a time, by `a|b`; more than two classes only.
        subgroups: by `cause`, `sex`, `age`, `projection`, `site` and `size` where known, then by group.
        resamples: how many resamples of the patients the intervals come from; 0 for none.
        seed: of the resamples.
        notes: sentences on what is missing or rests on few films.
        split: which films of the data set these are.
        prediction_sets: None where the bundle has none.
        selective: None without labelled films.
        shift: None where the bundle or the number of films does not allow it.
        gate: None where the bundle has no gate.
        acquisition: by groups of films that were taken alike; None for a table of probabilities, and in older files.
        answered: which films are answered, and the figures among them; None where these predictions have no answers.
        detector: what was evaluated.
        computed_by: engine and precision, such as `onnx float32`; None without a network.
        at_prevalence: None unless asked for; so are the following.
        shifted: under shifts that are new to training.
        elsewhere: under shifts as other hospitals' films show them, which no augmentation draws.
        familiar: under shifts of kinds that strong augmentation draws.
        controls: without the lungs.
        severity: under each shift at rising levels.
        audit: of the films of all splits.
    """

    auroc: Figure
    accuracy: Figure
    balanced_accuracy: Figure
    sensitivity: Figure
    specificity: Figure
    precision: Figure
    recall: Figure | None = None
    f1: Figure
    average_precision: Figure | None = None
    brier: Figure
    log_loss: Figure
    ece: Figure
    ece_debiased: Figure = UNDEFINED
    n: int
    patients: int
    n_failed: int
    n_unlabelled: int
    confusion: dict[str, int | dict[str, int]]
    threshold: float | None
    auroc_delong: Figure | None = None
    classes: tuple[str, ...]
    per_class: dict[str, ClassFigures] | None = None
    pairs: dict[str, PairFigures] | None = None
    subgroups: dict[str, dict[str, Subgroup]] = {}
    resamples: int
    seed: int
    notes: tuple[str, ...] = ()
    split: str = ""
    prediction_sets: PredictionSetsResult | None = None
    selective: SelectiveResult | None = None
    shift: ShiftResult | None = None
    gate: GateFigures | None = None
    acquisition: AcquisitionResult | None = None
    answered: AnsweredResult | None = None
    detector: DetectorRecord = field(default_factory=DetectorRecord)
    computed_by: str | None = None
    at_prevalence: AtPrevalence | None = None
    shifted: BatteryResult | None = None
    elsewhere: BatteryResult | None = None
    familiar: BatteryResult | None = None
    controls: BatteryResult | None = None
    severity: BatteryResult | None = None
    audit: AuditSummary | None = None

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures of all films by name, as far as they exist for so many classes."""
        return {name: figure for name in FIGURES if (figure := getattr(self, name)) is not None}

    @property
    def confusion_matrix(self) -> tuple[tuple[int, ...], ...]:
        """How many films of each label (rows) are called each class (columns), both in the order of `classes`."""
        rows = [row for row in self.confusion.values() if isinstance(row, dict)]
        if rows:
            return tuple(tuple(row.values()) for row in rows)
        tn, fp, fn, tp = (count for count in self.confusion.values() if isinstance(count, int))
        return (tn, fp), (fn, tp)

    def __str__(self) -> str:
        return _as_text(self)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in ("auroc", "sensitivity", "specificity"))
        return f"Evaluation(n={self.n}, patients={self.patients}, split={self.split!r}, {shown})"

    def _repr_html_(self) -> str:
        return _as_html(self)


def _as_text(evaluation: Evaluation) -> str:
    """The figures that a terminal shows, with the notes."""
    split = f", split {evaluation.split}" if evaluation.split else ""
    lines = [f"{evaluation.n} films of {evaluation.patients} known patients{split}"]
    answered = evaluation.answered
    chosen = answered if answered and answered.abstains else None
    lines += [line_of(name, getattr(evaluation, name), getattr(chosen, name, None)) for name in _IN_BRIEF]
    lines += answer_lines(answered) if answered else []
    lines += set_lines(evaluation.prediction_sets) if evaluation.prediction_sets else []
    lines += acquisition_lines(evaluation.acquisition) if evaluation.acquisition else []
    if evaluation.per_class and evaluation.pairs:
        lines.append("(auroc, sensitivity, specificity, precision and f1 are means over the classes)")
        lines += table_lines("one class against the rest", evaluation.per_class)
        lines += table_lines("two classes at a time", evaluation.pairs)
    for battery in (evaluation.shifted, evaluation.elsewhere, evaluation.familiar):
        if battery:
            lines.append(f"-- mean under the shifts of {battery.battery}; worst: {battery.auroc_worst.shift}")
            lines += [line_of(name, getattr(battery.mean, name)) for name in ("auroc", "sensitivity", "specificity")]
            lines.append(line_of("auroc, worst", battery.auroc_worst.figure))
    if there := evaluation.at_prevalence:
        lines.append(f"-- predictive values where {there.prevalence:.1%} of films are {evaluation.classes[-1]}")
        lines.append(line_of("positive", there.positive_predictive_value))
        lines.append(line_of("negative", there.negative_predictive_value))
    if evaluation.notes:
        lines += ["-- keep in mind", *(f"   {note}" for note in evaluation.notes)]
    return "\n".join(lines)


def _as_html(evaluation: Evaluation) -> str:
    """A table of the figures with their intervals, and the notes below it."""
    split = f", split {escape(evaluation.split)}" if evaluation.split else ""
    rows = "".join(
        f"<tr><th style='text-align:left'>{name.replace('_', ' ')}</th><td>{number_of(figure)}</td>"
        f"<td>{interval_of(figure) or '–'}</td>{_answered_cell(evaluation, name)}</tr>"
        for name, figure in evaluation.figures.items()
    )
    heading, below = "", ""
    if evaluation.answered:
        heading = "<th>of those answered</th>" if evaluation.answered.abstains else ""
        below = f"<p>{escape(' '.join(answer_lines(evaluation.answered)[0].split()))}</p>"
    notes = "".join(f"<li>{escape(note)}</li>" for note in evaluation.notes)
    return (
        f"<p><b>{escape(evaluation.detector.name or 'Evaluation')}</b>: {evaluation.n:,} films of "
        f"{evaluation.patients:,} known patients{split}</p>"
        f"<table><thead><tr><th></th><th>value</th><th>95% interval</th>{heading}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{below}" + (f"<ul>{notes}</ul>" if notes else "")
    )


def _answered_cell(evaluation: Evaluation, name: str) -> str:
    """The same figure of the films that are answered, where some are not."""
    if evaluation.answered is None or not evaluation.answered.abstains:
        return ""
    return f"<td>{with_interval(getattr(evaluation.answered, name))}</td>"
