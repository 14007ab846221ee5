"""What a report says of how far a detector can be taken at its word."""

from __future__ import annotations

from typing import Any

from hilum.evaluation.wording import films, listed, number, with_interval

Line = tuple[str, str, list[dict[str, Any]]]


def context(metrics: dict[str, Any]) -> dict[str, Any] | None:
    """Sentences and the lines of two tables; None where nothing can be said."""
    sentences = [*_on_shift(metrics), *_on_sets(metrics), *_on_gate(metrics), *_on_prevalence(metrics)]
    sets, answered = _sets(metrics), _answered(metrics)
    if not (sentences or sets or answered):
        return None
    return {"sentences": sentences, "sets": sets, "answered": answered}


def _on_shift(metrics: dict[str, Any]) -> list[str]:
    """Whether these films are scored as validation's were."""
    shift = metrics.get("shift")
    if not shift:
        return []
    begin = f"Without looking at any label, the scores of these {films(shift['n'])}"
    moved = shift["moved"]
    if shift["looks_like"] == "no shift":
        return [
            f"{begin} do not differ from those of the validation films by more than chance (p = {moved['p']:.2f})."
        ]
    where = f"{moved['found']:.0%} of them lie above {moved['at']:.2g}, where {moved['expected']:.0%} were expected"
    if shift["looks_like"] == "prior shift":
        shares = listed([f"{name} {with_interval(figure)}" for name, figure in shift["prior"].items()])
        return [
            f"{begin} have moved from those of validation ({where}). Other shares of the classes explain it: "
            f"{shares}. If nothing else has changed, probabilities can be corrected by that."
        ]
    return [
        f"{begin} have moved from those of validation ({where}), and no other shares of the classes explain "
        "it: other machines or other patients do. Its probabilities and its threshold are not to be relied on here."
    ]


def _on_sets(metrics: dict[str, Any]) -> list[str]:
    """Whether prediction sets keep their promise."""
    sets = metrics.get("prediction_sets")
    if not sets:
        return []
    promised, broken = sets["promised"], []
    for name, figure in sets["per_class"].items():
        if figure["high"] is not None and figure["high"] < promised:
            broken.append(f"{name} ({with_interval(figure)})")
    kept = (
        f"It does not keep that for {listed(broken)}: these films are not like those that it was set on"
        if broken
        else "These films do not show that to be broken"
    )
    return [f"The set of classes that it calls plausible is to hold the true one for {promised:.0%} of each. {kept}."]


def _on_gate(metrics: dict[str, Any]) -> list[str]:
    """How many films the gate stops, why, and whether it would stop what is no such film."""
    gate = metrics.get("gate")
    if not gate:
        return []
    reasons = listed([f"{count} {reason}" for reason, count in gate["reasons"].items()])
    told = [f"{kind} {figures['auroc']:.3f}" for kind, figures in gate["strangers"].items()]
    return [
        f"Its gate lets {with_interval(gate['passed'])} of these films pass as such as it was made for"
        + (f" (stopped: {reasons})" if reasons else "")
        + (
            f". It tells strangers made of some of them from the films with an AUROC of: {listed(told)}."
            if told
            else "."
        )
    ]


def _on_prevalence(metrics: dict[str, Any]) -> list[str]:
    """What a call is worth where the user works."""
    there = metrics.get("at_prevalence")
    if not there:
        return []
    negative, positive = metrics["classes"]
    worth = {positive: there["positive_predictive_value"], negative: there["negative_predictive_value"]}
    known = [
        f"{with_interval(figure)} of those called {name} are {name}"
        for name, figure in worth.items()
        if figure["value"] is not None
    ]
    unknown = [name for name, figure in worth.items() if figure["value"] is None]
    if unknown:
        known.append(f"what a call of {listed(unknown, 'or')} is worth cannot be told from these films")
    return [f"Where {there['prevalence']:.1%} of films are {positive}, {listed(known)}."]


def _sets(metrics: dict[str, Any]) -> list[Line]:
    sets = metrics.get("prediction_sets")
    if not sets:
        return []
    promised = f"promised: {number(sets['promised'])}"
    return [
        *((f"{name} in its set", promised, [figure]) for name, figure in sets["per_class"].items()),
        ("one class plausible", "a clear answer", [sets["single"]]),
        ("several plausible", "for a person to decide", [sets["several"]]),
        ("none plausible", "unlike either class", [sets["empty"]]),
    ]


def _answered(metrics: dict[str, Any]) -> list[Line]:
    left = metrics.get("selective")
    if not left:
        return []
    return [
        (f"{float(share):.0%} of films", "all" if float(share) == 1 else "the most certain", [figure])
        for share, figure in sorted(left["accuracy"].items(), key=lambda item: -float(item[0]))
    ]
