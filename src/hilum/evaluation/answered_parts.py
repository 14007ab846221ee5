"""What the films that a detector answers are, and what its answers are worth, as types.

Kept apart from `result_parts`, where the figures of a subgroup hold them.
"""

from __future__ import annotations

from msgspec import Struct

from hilum.records import Figure

UNDEFINED = Figure(None)


class AnsweredFigures(Struct, frozen=True, kw_only=True):
    """How many of some films are answered (`hilum.records.answer`), and how well.

    Attributes:
        n: films, also those that could not be read.
        n_answered: those of them whose answer is a class.
        coverage: the share of films that are answered.
        right: the share of the films with a label whose answer is their label; a film without an answer counts here.
        wrong: the share of them whose answer is another class. What is left of 1 is not answered.
        accuracy: of the answered films with a label: the share whose answer is their label.
        sensitivity: of the same: the share of positive films that are answered so. Of more than two classes this and
            the next are means over the classes, each against all the others.
        specificity: the share of negative films that are answered so.
    """

    n: int
    n_answered: int
    coverage: Figure
    right: Figure = UNDEFINED
    wrong: Figure = UNDEFINED
    accuracy: Figure = UNDEFINED
    sensitivity: Figure = UNDEFINED
    specificity: Figure = UNDEFINED


class AnsweredResult(AnsweredFigures, frozen=True, kw_only=True):
    """The same of all films that were evaluated, with every figure that there is of all films.

    Attributes:
        answers: how many films have each answer: the classes, `not sure`, `not judged`.
        reasons: why films that could be read are not answered, in sentences, and how many are not.
        coverage_per_class: the share of the films of each class that are answered.
        auroc: this and the following are as in `Evaluation`, of the answered films with a label.
    """

    answers: dict[str, int]
    reasons: dict[str, int] = {}
    coverage_per_class: dict[str, Figure] = {}
    auroc: Figure = UNDEFINED
    balanced_accuracy: Figure = UNDEFINED
    precision: Figure = UNDEFINED
    recall: Figure | None = None
    f1: Figure = UNDEFINED
    average_precision: Figure | None = None
    brier: Figure = UNDEFINED
    log_loss: Figure = UNDEFINED
    ece: Figure = UNDEFINED
    ece_debiased: Figure = UNDEFINED

    @property
    def abstains(self) -> bool:
        """Whether any film is not answered."""
        return self.n_answered < self.n
