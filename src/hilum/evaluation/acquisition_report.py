"""What a report says of films that were taken alike: prediction sets in each group, and what abstaining costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hilum.evaluation.acquisition_parts import AcquisitionGroup
from hilum.evaluation.answered_parts import AnsweredFigures
from hilum.evaluation.result_parts import PredictionSetsResult
from hilum.evaluation.results import Evaluation
from hilum.evaluation.wording import films
from hilum.records import Figure

Line = tuple[str, str, list[Figure]]


@dataclass(frozen=True, slots=True)
class AcquisitionSection:
    """A note, and the lines of three tables, each with all films first: sets, answers, and figures at the threshold.

    Attributes:
        fewest: films of each class that a group holds.
        note: why there are no groups, or fewer than were looked for; or empty.
        set_columns: the headings of `sets`.
        sets: coverage of each class, classes in a set, films with one class; none where the bundle has no sets.
        answers: the share answered, accuracy of all films and of the answered; none where nothing is abstained from.
        figures: AUROC, sensitivity, specificity.
    """

    fewest: int
    note: str
    set_columns: Sequence[str]
    sets: Sequence[Line]
    answers: Sequence[Line]
    figures: Sequence[Line]


def acquisition_section(evaluation: Evaluation) -> AcquisitionSection | None:
    """Put together what the report says of groups that were taken alike; None where they were not looked for."""
    acquisition = evaluation.acquisition
    if acquisition is None:
        return None
    groups = acquisition.groups if evaluation.n else {}
    known = f"of {evaluation.patients:,} known patients"
    rows: list[tuple[str, str, Evaluation | AcquisitionGroup]] = [(f"All {films(evaluation.n)}", known, evaluation)]
    rows += [(f"{name.capitalize()}: {films(group.n)}", _patients(group), group) for name, group in groups.items()]
    sets: list[Line] = []
    answers: list[Line] = []
    figures: list[Line] = []
    for name, held, group in rows if groups else ():
        of_group = group.prediction_sets if isinstance(group, Evaluation) else group.sets
        if of_group:
            sets.append((name, held, _of_sets(of_group)))
        if group.answered:
            answers.append((name, held, _of_answers(group.accuracy, group.answered)))
        figures.append((name, held, [group.auroc, group.sensitivity, group.specificity]))
    columns = [f"Of {name}" for name in evaluation.classes]
    return AcquisitionSection(acquisition.fewest, acquisition.note, columns, sets, answers, figures)


def _patients(group: AcquisitionGroup) -> str:
    return f"of {group.patients:,} known patients; {group.described}"


def _of_sets(sets: PredictionSetsResult) -> list[Figure]:
    return [*sets.per_class.values(), sets.size, sets.single]


def _of_answers(accuracy: Figure, answered: AnsweredFigures) -> list[Figure]:
    return [answered.coverage, accuracy, answered.accuracy, answered.wrong]
