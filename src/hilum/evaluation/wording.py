"""How figures are written in every report, and the sentences that all reports share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hilum.evaluation.result_parts import BatteryResult
from hilum.evaluation.results import Evaluation


class WithInterval(Protocol):
    """A number with its interval, such as a `Figure`."""

    @property
    def value(self) -> float | None:
        """The number; None where it is not defined."""

    @property
    def low(self) -> float | None:
        """The lower end of the 95% interval, or None."""

    @property
    def high(self) -> float | None:
        """The upper end, or None."""


def number(value: float | None) -> str:
    """Three decimals, as figures are given throughout; a dash where nothing is defined.

    >>> number(0.98765), number(None)
    ('0.988', '–')
    """
    return "–" if value is None else f"{value:.3f}"


def interval(figure: WithInterval) -> str:
    """The 95% interval, or nothing where there is none."""
    return "" if figure.low is None or figure.high is None else f"{figure.low:.3f}–{figure.high:.3f}"


def with_interval(figure: WithInterval) -> str:
    """A figure with its interval.

    >>> from hilum.records import Figure
    >>> with_interval(Figure(0.985, 0.975, 0.993))
    '0.985 (0.975–0.993)'
    """
    span = interval(figure)
    return f"{number(figure.value)} ({span})" if span else number(figure.value)


def films(count: int) -> str:
    """A number of films in words.

    >>> films(1), films(1624)
    ('1 film', '1,624 films')
    """
    return f"{count:,} film{'' if count == 1 else 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """An enumeration in words.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return f" {last} ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def sample(evaluation: Evaluation) -> str:
    """On how many films of how many patients: how a verdict begins."""
    patients = evaluation.patients
    whose = f" of {patients:,} known patient{'' if patients == 1 else 's'}" if patients else " of unknown patients"
    return f"On {films(evaluation.n)}{whose}"


def without_labels(evaluation: Evaluation, called: str) -> str:
    """The verdict where no figure is defined; `called` says what the films that could be read are called."""
    if not evaluation.n_unlabelled:
        return "None of these films could be read, so nothing is known of the detector here."
    return f"None of these films is labelled, so its performance on them is unknown. It calls {called}."


def under_other_machines(evaluation: Evaluation, which: str) -> list[str]:
    """How far the figures fall under shifts, where that was measured; the second sentence begins with `which`."""
    shifted = evaluation.shifted
    if not shifted or shifted.auroc_worst.shift is None:
        return []
    mean, worst = number(shifted.auroc_mean.value), number(shifted.auroc_worst.value)
    return [
        f"On films changed as other machines might have made them, its AUROC is {mean} on average and {worst} at "
        f"worst ({plain(shifted.auroc_worst.shift)}). {which} sensitivity falls to "
        f"{_lowest(shifted, 'sensitivity')} and the specificity to {_lowest(shifted, 'specificity')}."
    ]


def without_lungs(evaluation: Evaluation) -> list[str]:
    """How well it does where there is no lung to read, where that was measured and is above chance."""
    blanked = evaluation.controls.per_shift.get("lungs_blanked") if evaluation.controls else None
    if not blanked or blanked.auroc.value is None or (blanked.auroc.low or blanked.auroc.value) <= 0.5:
        return []
    return [
        f"With the lungs blanked out its AUROC is still {with_interval(blanked.auroc)}, where chance gives 0.5: it "
        "relies in part on what lies outside the lungs, or on the outline that blanking leaves."
    ]


def plain(name: str) -> str:
    """The name of a shift without underscores."""
    return name.replace("_", " ")


def _lowest(shifted: BatteryResult, kind: str) -> str:
    """The lowest figure under any shift, and which shift that is."""
    figures = {name: getattr(group, kind).value for name, group in shifted.per_shift.items()}
    name = min(figures, key=figures.__getitem__)
    return f"{number(figures[name])} ({plain(name)})"
