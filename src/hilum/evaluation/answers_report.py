"""What a report says of the films that are answered: the share of them, and each figure beside that of all films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hilum.evaluation.results import Evaluation
from hilum.evaluation.wording import films, listed, with_interval
from hilum.records import ABSTENTIONS, Figure

Line = tuple[str, str, list[Figure]]
_LABELS = {"auroc": "AUROC", "f1": "F1", "brier": "Brier score", "ece": "Calibration error",
           "ece_debiased": "Calibration error, debiased"}  # fmt: skip
_REPEATED = ("recall",)  # another name of the sensitivity


@dataclass(frozen=True, slots=True)
class AnswersSection:
    """A sentence, the share of films that is answered, the figures of all films and of those, and the reasons."""

    sentence: str
    coverage: Sequence[Line]
    figures: Sequence[Line]
    reasons: Sequence[tuple[str, int]]


def answers_section(evaluation: Evaluation) -> AnswersSection | None:
    """Put together what the report says of answers; None where these predictions have none."""
    answered = evaluation.answered
    if answered is None:
        return None
    without = [f"{answered.answers[name]:,} {name}" for name in ABSTENTIONS if answered.answers[name]]
    share = with_interval(answered.coverage)
    sentence = f"{films(answered.n_answered)} of {answered.n:,} are answered, a coverage of {share}"
    sentence += f"; {listed(without)}." if without else "."
    coverage: list[Line] = [("all films", films(answered.n), [answered.coverage])]
    coverage += [(name, "of the films labelled so", [share]) for name, share in answered.coverage_per_class.items()]
    coverage += [
        ("answered rightly", "of all films with a label", [answered.right]),
        ("answered wrongly", "of all films with a label", [answered.wrong]),
    ]
    compared: list[Line] = [
        (_LABELS.get(name, name.replace("_", " ").capitalize()), "", [figure, getattr(answered, name)])
        for name, figure in evaluation.figures.items()
        if name not in _REPEATED
    ]
    return AnswersSection(sentence, coverage, compared if answered.abstains else [], list(answered.reasons.items()))
