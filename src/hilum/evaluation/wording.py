"""The report's sentences: what the figures say, in words that a clinician reads first."""

from __future__ import annotations

from typing import Any

MEANINGS = {
    "auroc": ("AUROC", "chance that a film of {positive} is scored above one of {negative}; 0.5 is guessing"),
    "sensitivity": ("Sensitivity", "share of {positive} films that are found (recall)"),
    "specificity": ("Specificity", "share of {negative} films that are left alone"),
    "accuracy": ("Accuracy", "share of all films that are called what they are"),
    "precision": ("Precision", "share of films called {positive} that are; depends on how common it is here"),
    "f1": ("F1", "harmonic mean of precision and sensitivity"),
    "average_precision": ("Average precision", "area under the precision–recall curve"),
    "brier": ("Brier score", "mean squared error of the probability; 0 is best"),
    "ece": ("Calibration error", "mean distance of probability and frequency (ECE, 15 bins); 0 is best"),
}


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


def verdict(metrics: dict[str, Any], called: int) -> str:
    """One sentence: how well, on how many films of how many patients.

    Args:
        metrics: what `evaluate` gave.
        called: how many of the films that could be read are called positive, labelled or not.
    """
    negative, positive = metrics["classes"]
    n, threshold = metrics["n"], f"{metrics['threshold']:.3g}"
    if not n:
        read = metrics["n_unlabelled"]
        if not read:
            return "None of these films could be read, so nothing can be said of the detector."
        return (
            "None of these films is labelled, so how good the detector is on them cannot be said: "
            f"it calls {called:,} of {films(read)} {positive} at its threshold of {threshold}."
        )
    whose = f" of {metrics['patients']:,} known patient{'' if metrics['patients'] == 1 else 's'}"
    among = f"On {films(n)}{whose if metrics['patients'] else ' of unknown patients'}"
    if metrics["auroc"]["value"] is None:
        alone, known, figure = (
            (positive, "sensitivity", metrics["sensitivity"])
            if metrics["sensitivity"]["value"] is not None
            else (negative, "specificity", metrics["specificity"])
        )
        return (
            f"{among}, all labelled {alone}, the detector has a {known} of {with_interval(figure)}; "
            "without the other class there is no AUROC."
        )
    return (
        f"{among}, the detector has an AUROC of {with_interval(metrics['auroc'])}, and at its threshold of "
        f"{threshold} a sensitivity of {with_interval(metrics['sensitivity'])} and a specificity of "
        f"{with_interval(metrics['specificity'])}."
    )


def failings(metrics: dict[str, Any]) -> list[str]:
    """Where it fails: the misses, the false alarms, the hardest cause, the worst shifts."""
    negative, positive = metrics["classes"]
    cells = metrics["confusion"]
    sentences = []
    if there := cells["tp"] + cells["fn"]:
        sentences.append(f"It misses {cells['fn']:,} of {there:,} {positive} films{_hardest(metrics)}.")
    if there := cells["tn"] + cells["fp"]:
        sentences.append(f"It calls {cells['fp']:,} of {there:,} {negative} films {positive}.")
    shifted = metrics.get("shifted")
    if shifted and shifted["auroc_worst"]["value"] is not None:
        worst = shifted["auroc_worst"]
        sentences.append(
            f"As other machines might have made the films, its AUROC is {number(shifted['auroc_mean']['value'])} on "
            f"average and {number(worst['value'])} at worst ({_plain(worst['shift'])}); at the same threshold the "
            f"sensitivity falls to {_lowest(shifted, 'sensitivity')} and the specificity to "
            f"{_lowest(shifted, 'specificity')}."
        )
    return sentences


def _lowest(shifted: dict[str, Any], key: str) -> str:
    """The lowest figure under any shift, and which shift that is."""
    name = min(shifted["per_shift"], key=lambda name: shifted["per_shift"][name][key]["value"])
    return f"{number(shifted['per_shift'][name][key]['value'])} ({_plain(name)})"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _hardest(metrics: dict[str, Any]) -> str:
    """The subtype that is found least often, where there are several to choose from."""
    defined = {name: figure for name, figure in metrics["per_subtype"].items() if figure["value"] is not None}
    values = [figure["value"] for figure in defined.values()]
    if len(values) < 2 or max(values) == min(values):
        return ""
    name = min(defined, key=lambda name: defined[name]["value"])
    return f", most often {name} (sensitivity {number(defined[name]['value'])})"
