"""What a report says of how far a detector's probabilities can be relied on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hilum.evaluation.results import Evaluation
from hilum.evaluation.wording import films, listed, number, with_interval
from hilum.records import Figure

Line = tuple[str, str, list[Figure]]


@dataclass(frozen=True, slots=True)
class ReliabilitySection:
    """Sentences, and the lines of two tables: on prediction sets, and on films that are answered."""

    sentences: Sequence[str]
    sets: Sequence[Line]
    answered: Sequence[Line]


def reliability_section(evaluation: Evaluation) -> ReliabilitySection | None:
    """Put together what the report's section on reliability shows; None where nothing is known."""
    sentences = [*_on_shift(evaluation), *_on_sets(evaluation), *_on_gate(evaluation), *_on_prevalence(evaluation)]
    sets, answered = _sets(evaluation), _answered(evaluation)
    if not (sentences or sets or answered):
        return None
    return ReliabilitySection(sentences, sets, answered)


def _on_shift(evaluation: Evaluation) -> list[str]:
    """Whether these films' scores are distributed as validation's."""
    shift = evaluation.shift
    if not shift:
        return []
    begin = f"Compared without any label, the scores of these {films(shift.n)}"
    moved = shift.moved
    if shift.looks_like == "no shift":
        return [f"{begin} do not differ from those of the validation films by more than chance (p = {moved.p:.2f})."]
    where = f"{moved.found:.0%} of them lie above {moved.at:.2g}, where {moved.expected:.0%} were expected"
    if shift.looks_like == "prior shift":
        shares = listed([f"{name} {with_interval(figure)}" for name, figure in shift.prior.items()])
        return [
            f"{begin} differ from those of the validation films ({where}). Other shares of the classes explain it: "
            f"{shares}. If nothing else has changed, the probabilities can be corrected for that."
        ]
    return [
        f"{begin} differ from those of the validation films ({where}), and no other shares of the classes explain "
        "it; other machines or other patients may. Do not rely on its probabilities and its threshold here."
    ]


def _on_sets(evaluation: Evaluation) -> list[str]:
    """Whether prediction sets keep their promise."""
    sets = evaluation.prediction_sets
    if not sets:
        return []
    broken = [
        f"{name} ({with_interval(figure)})"
        for name, figure in sets.per_class.items()
        if figure.high is not None and figure.high < sets.promised
    ]
    kept = (
        f"They do not for {listed(broken)}: these films are not like those that the sets were fitted on"
        if broken
        else "Nothing in these films contradicts that"
    )
    return [f"Its prediction sets are to hold the true class of {sets.promised:.0%} of each class's films. {kept}."]


def _on_gate(evaluation: Evaluation) -> list[str]:
    """How many films the gate stops, why, and whether it stops what is no chest film."""
    gate = evaluation.gate
    if not gate:
        return []
    reasons = listed([f"{count} {reason}" for reason, count in gate.reasons.items()])
    separated = listed([f"{kind} {figures.auroc:.3f}" for kind, figures in gate.ood_examples.items()])
    return [
        f"Its gate lets {with_interval(gate.passed)} of these films pass as films that the detector was made for"
        + (f" (not passed: {reasons})." if reasons else ".")
        + (
            f" It separates images that are no chest films, made from some of these, with an AUROC of: {separated}."
            if separated
            else ""
        )
    ]


def _on_prevalence(evaluation: Evaluation) -> list[str]:
    """What a call is worth where the user works."""
    there = evaluation.at_prevalence
    if not there:
        return []
    negative, positive = evaluation.classes
    values = {positive: there.positive_predictive_value, negative: there.negative_predictive_value}
    known = [
        f"{with_interval(figure)} of those called {name} are {name}"
        for name, figure in values.items()
        if figure.value is not None
    ]
    unknown = [name for name, figure in values.items() if figure.value is None]
    if unknown:
        known.append(f"these films do not show how often a film called {listed(unknown, 'or')} is so")
    return [f"Where {there.prevalence:.1%} of films are {positive}, {listed(known)}."]


def _sets(evaluation: Evaluation) -> list[Line]:
    sets = evaluation.prediction_sets
    if not sets:
        return []
    promised = f"promised: {number(sets.promised)}"
    return [
        *((f"{name} in its set", promised, [figure]) for name, figure in sets.per_class.items()),
        ("one class in the set", "a clear answer", [sets.single]),
        ("several classes", "for a person to decide", [sets.several]),
        ("no class", "unlike every class", [sets.empty]),
    ]


def _answered(evaluation: Evaluation) -> list[Line]:
    if not evaluation.selective:
        return []
    by_share = sorted(evaluation.selective.accuracy.items(), key=lambda item: -float(item[0]))
    return [
        (f"{float(share):.0%} of films", "all" if float(share) == 1 else "the most certain", [figure])
        for share, figure in by_share
    ]
