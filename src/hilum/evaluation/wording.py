"""How figures are written in every report, and the sentences that all reports share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def number(value: float | None) -> str:
    """Three decimals, as figures are given throughout; a dash where nothing is defined."""
    return "–" if value is None else f"{value:.3f}"


def interval(figure: dict[str, Any]) -> str:
    """The 95% interval, or nothing where there is none."""
    low, high = figure.get("low"), figure.get("high")
    return "" if low is None or high is None else f"{low:.3f}–{high:.3f}"


def with_interval(figure: dict[str, Any]) -> str:
    """`0.985 (0.975–0.993)`."""
    span = interval(figure)
    return f"{number(figure['value'])} ({span})" if span else number(figure["value"])


def films(count: int) -> str:
    """`1 film`, `624 films`."""
    return f"{count:,} film{'' if count == 1 else 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {last} ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def among(metrics: dict[str, Any]) -> str:
    """On how many films of how many patients: how a verdict begins."""
    patients = metrics["patients"]
    whose = f" of {patients:,} known patient{'' if patients == 1 else 's'}" if patients else " of unknown patients"
    return f"On {films(metrics['n'])}{whose}"


def without_labels(metrics: dict[str, Any], called: str) -> str:
    """The verdict where no film can be judged; `called` says what the detector calls those that could be read."""
    if not metrics["n_unlabelled"]:
        return "None of these films could be read, so nothing can be said of the detector."
    return f"None of these films is labelled, so how good the detector is on them cannot be said: it calls {called}."


def elsewhere(metrics: dict[str, Any], judged: str) -> list[str]:
    """How far the figures fall under shifts, where that was measured; `judged` is what the last half begins with."""
    shifted = metrics.get("shifted")
    if not shifted or shifted["auroc_worst"]["value"] is None:
        return []
    worst = shifted["auroc_worst"]
    return [
        f"As other machines might have made the films, its AUROC is {number(shifted['auroc_mean']['value'])} on "
        f"average and {number(worst['value'])} at worst ({plain(worst['shift'])}); {judged} "
        f"sensitivity falls to {_lowest(shifted, 'sensitivity')} and the specificity to "
        f"{_lowest(shifted, 'specificity')}."
    ]


def without_lungs(metrics: dict[str, Any]) -> list[str]:
    """How well it does where there is no lung to read, where that was measured and is above chance."""
    controls = metrics.get("controls")
    figure = (controls or {}).get("per_shift", {}).get("lungs_blanked", {}).get("auroc")
    if not figure or figure["value"] is None or (figure["low"] or figure["value"]) <= 0.5:
        return []
    return [
        f"With the lungs blanked out its AUROC is still {with_interval(figure)}, and guessing has 0.5: much of what "
        "it goes by lies outside them, or in the outline that blanking leaves."
    ]


def plain(name: str) -> str:
    """The name of a shift without underscores."""
    return name.replace("_", " ")


def _lowest(shifted: dict[str, Any], key: str) -> str:
    """The lowest figure under any shift, and which shift that is."""
    name = min(shifted["per_shift"], key=lambda name: shifted["per_shift"][name][key]["value"])
    return f"{number(shifted['per_shift'][name][key]['value'])} ({plain(name)})"
