"""The parts of an evaluation, as types; `results` holds the whole.

A figure is a `Figure(value, low, high)`: a number with its 95% interval, or `Figure(None)` where these films do not
define it.
"""

from __future__ import annotations

from msgspec import Struct

from hilum.confidence import ScoreShift
from hilum.evaluation.answered_parts import UNDEFINED, AnsweredFigures
from hilum.records import Figure


class Subgroup(Struct, frozen=True, kw_only=True):
    """The figures among the films of one group: one cause, one sex, one age, one site.

    Attributes:
        n: how many films it has; of a cause, with all films of the other class, which they are compared with.
        n_of: how many of them are labelled each class.
        patients: how many known patients they are of.
        auroc: this and the following are as in `Evaluation`.
        answered: how many of the group's films are answered, and how well; None where these predictions have no
            answers.
    """

    n: int
    n_of: dict[str, int]
    patients: int
    auroc: Figure = UNDEFINED
    accuracy: Figure = UNDEFINED
    balanced_accuracy: Figure = UNDEFINED
    sensitivity: Figure = UNDEFINED
    specificity: Figure = UNDEFINED
    precision: Figure = UNDEFINED
    recall: Figure | None = None
    f1: Figure = UNDEFINED
    average_precision: Figure | None = None
    brier: Figure = UNDEFINED
    log_loss: Figure = UNDEFINED
    ece: Figure = UNDEFINED
    ece_debiased: Figure = UNDEFINED
    answered: AnsweredFigures | None = None


class ClassFigures(Struct, frozen=True, kw_only=True):
    """One class against all the others; `n` films are labelled it."""

    auroc: Figure
    sensitivity: Figure
    specificity: Figure
    precision: Figure
    f1: Figure
    n: int


class PairFigures(Struct, frozen=True, kw_only=True):
    """Two classes a and b among their `n` films alone: b is called from b / (a + b) = 0.5 on."""

    auroc: Figure
    accuracy: Figure
    sensitivity: Figure
    specificity: Figure
    n: int


class PredictionSetsResult(Struct, frozen=True, kw_only=True):
    """What the bundle's prediction sets (`hilum.confidence.conformal`) achieve on these films; shares of films.

    Attributes:
        promised: the share of each class's films whose set has to hold the true class.
        coverage: the share of all films whose set does.
        per_class: the same among the films of each class.
        size: the mean number of classes in a set.
        empty: the share of films whose set holds no class.
        single: those with one class.
        several: those with more.
        single_accuracy: of the films with one class, the share whose class it is; undefined in files of before.
    """

    promised: float
    coverage: Figure
    per_class: dict[str, Figure]
    size: Figure
    empty: Figure
    single: Figure
    several: Figure
    single_accuracy: Figure = UNDEFINED


class ShiftFigures(Struct, frozen=True):
    """The figures that are measured under a shift.

    Attributes:
        auroc: this and the next two are means over the classes where there are more than two.
        sensitivity: at the bundle's threshold, as all that follow.
        specificity: the same.
        accuracy: the share of films that are called rightly.
        sets: what the bundle's prediction sets achieve; None where it has none, and of means over shifts.
    """

    auroc: Figure
    sensitivity: Figure
    specificity: Figure
    accuracy: Figure
    sets: PredictionSetsResult | None = None


class WorstShift(Struct, frozen=True):
    """The AUROC under the shift that lowers it most, and the name of that shift; None where no AUROC is defined."""

    shift: str | None
    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def figure(self) -> Figure:
        """The AUROC with its interval."""
        return Figure(self.value, self.low, self.high)


class BatteryResult(Struct, frozen=True, kw_only=True):
    """The figures of the same films under every shift of one battery (`hilum.shifts`), from one bootstrap.

    Attributes:
        battery: its name, such as `shifts-1`.
        n: films with a label that could be read.
        patients: how many known patients they are of.
        n_failed: labelled films that could not be read.
        n_unlabelled: films without a label.
        threshold: as in `Evaluation`.
        drawn_in_training: shifts that the detector's training drew, and which are not new to it.
        unshifted: the figures of the films as they are.
        per_shift: the figures by the name of each shift.
        auroc_mean: mean over the shifts; likewise the following three.
        auroc_worst: the lowest AUROC, and under which shift.
    """

    battery: str
    n: int
    patients: int
    n_failed: int
    n_unlabelled: int
    threshold: float | None
    drawn_in_training: tuple[str, ...] = ()
    unshifted: ShiftFigures
    per_shift: dict[str, ShiftFigures]
    auroc_mean: Figure
    sensitivity_mean: Figure
    specificity_mean: Figure
    accuracy_mean: Figure
    auroc_worst: WorstShift

    @property
    def mean(self) -> ShiftFigures:
        """The four means over the shifts."""
        return ShiftFigures(self.auroc_mean, self.sensitivity_mean, self.specificity_mean, self.accuracy_mean)


class SelectiveResult(Struct, frozen=True):
    """What leaving the least certain films to a person achieves.

    Attributes:
        aurc: the area under the risk–coverage curve: the mean share of wrong answers over all coverages.
        accuracy: by the share of films that is answered, such as `"0.9"`, the most certain first.
    """

    aurc: Figure
    accuracy: dict[str, Figure]


class ShiftResult(Struct, frozen=True, kw_only=True):
    """Whether these films' scores differ from those of the validation films; no label is needed.

    Attributes:
        looks_like: `no shift`, `prior shift` (other shares of the classes explain it) or `other shift`.
        moved: the distance from validation's scores.
        beyond_prior: the distance from validation's scores, its classes mixed as `prior` says.
        prior: the share of each class that would explain the scores.
        validation_prior: the share of each class in validation.
        n: how many films were compared, labelled or not.
    """

    looks_like: str
    moved: ScoreShift
    beyond_prior: ScoreShift
    prior: dict[str, Figure]
    validation_prior: dict[str, float]
    n: int


class OodFigures(Struct, frozen=True):
    """How well the gate stops one kind of generated out-of-distribution image.

    Attributes:
        auroc: with which its score separates them from the films.
        stopped: the share of them that it stops.
    """

    auroc: float
    stopped: float


class GateFigures(Struct, frozen=True, kw_only=True, rename={"ood_examples": "strangers"}):
    """What the bundle's gate (`hilum.gate`) lets pass.

    Attributes:
        passed: the share of these films that pass.
        n: films that could be read.
        reasons: how many films do not pass for each reason.
        ood_examples: by kind, generated images that are no chest films; `strangers` in the file.
    """

    passed: Figure
    n: int
    reasons: dict[str, int] = {}
    ood_examples: dict[str, OodFigures] = {}


class DetectorRecord(Struct, frozen=True, kw_only=True):
    """Which detector was evaluated, and what it costs; None where that is not known.

    Attributes:
        name: of its recipe, or of a table of probabilities.
        network: the network, or the system without one.
        size: the side of its input, in pixels.
        seal: SHA-256 of its bundle's record; empty for a table.
        data_fingerprint: SHA-256 over the films that it was trained and validated on; empty for a table.
        parameters: how many it has.
        multiply_adds: for one film.
        history: the rows of its `history.csv`.
    """

    name: str = ""
    network: str = ""
    size: int | None = None
    seal: str = ""
    data_fingerprint: str = ""
    parameters: int | None = None
    multiply_adds: int | None = None
    history: list[dict[str, float | int]] = []


class AtPrevalence(Struct, frozen=True, kw_only=True):
    """Predictive values where another share of films is positive, by Bayes' rule."""

    prevalence: float
    positive_predictive_value: Figure
    negative_predictive_value: Figure


class AuditSummary(Struct, frozen=True):
    """What an audit of the films of all splits found, as sentences by severity, and what it could not check."""

    films: int
    findings: dict[str, list[str]]
    not_checked: dict[str, str] = {}
