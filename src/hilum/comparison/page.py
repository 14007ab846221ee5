"""The comparison as one HTML file: which detector is ahead, which differences are shown, and what each one costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from hilum import pages
from hilum.comparison.compare import FIGURES
from hilum.comparison.entry import Entry
from hilum.comparison.results import Compared, Comparison
from hilum.pages import FIRST, INK, MUTED, SECOND, sheet, whole_numbers
from hilum.records import Figure

NAMES = {
    "auroc": "AUROC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "log_loss": "Log loss",
}
_COLOURS = (FIRST, SECOND, INK, MUTED)
_STYLES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)), "-.")


def render_comparison(compared: Comparison, entries: Sequence[Entry]) -> str:
    """The page as HTML; the same comparison gives the same bytes.

    Args:
        compared: of the entries.
        entries: the same that were compared; their histories are drawn.
    """
    kinds = [kind for kind in FIGURES if kind in compared.entries[0].figures]
    return pages.render(
        Path(__file__).parent / "comparison.html",
        {
            "number": _number,
            "interval": _interval,
            "span": _span,
            "p": _p,
            "whole": _whole,
            "duration": _duration,
            "signed": _signed,
        },
        compared=compared,
        verdict=verdict(compared),
        kinds=kinds,
        names=NAMES,
        forest=_forest(compared),
        curves=_curves(entries),
    )


def verdict(compared: Comparison) -> str:
    """Which detector has the highest AUROC, and which others are shown to have a lower one."""
    patients = f" of {compared.patients:,} known patients" if compared.patients else ""
    among = f"On {compared.n:,} films{patients}"
    defined = _with_auroc(compared)
    if not defined:
        return f"{among} no AUROC is defined: not every class occurs among them."
    shown = [pair for pair in compared.pairs if pair.tests["auroc"].higher]
    if not shown:
        count = len(compared.entries)
        which = "between the two" if count == 2 else f"between any two of the {count}"
        return f"{among} no difference in AUROC is shown {which}."
    best = max(defined, key=lambda each: each.figures["auroc"].value or 0.0)
    figure = best.figures["auroc"]
    beaten: list[str] = []
    level: list[str] = []
    for pair in compared.pairs:
        if best.name in (pair.first, pair.second):
            other = pair.second if pair.first == best.name else pair.first
            (beaten if pair.tests["auroc"].higher else level).append(other)
    sentences = f"{among}, {best.name} has the highest AUROC, {_number(figure.value)} ({_interval(figure)})"
    if beaten:
        sentences += f"; it is higher than that of {', '.join(beaten)}"
    if level:
        sentences += f"; no difference is shown from {', '.join(level)}"
    return sentences + "."


def _with_auroc(compared: Comparison) -> list[Compared]:
    return [each for each in compared.entries if each.figures["auroc"].value is not None]


def _forest(compared: Comparison) -> Markup | None:
    """The AUROC of each with its interval."""
    drawn = _with_auroc(compared)[::-1]
    if not drawn:
        return None
    figures = [each.figures["auroc"] for each in drawn]
    description = "AUROC with 95% interval: " + "; ".join(
        f"{each.name} {_number(figure.value)} ({_interval(figure)})"
        for each, figure in zip(drawn, figures, strict=True)
    )
    with sheet("forest", description, (6.4, 0.8 + 0.42 * len(drawn))) as drawing:
        axes, rows = drawing.axes, np.arange(len(drawn))
        for row, figure in zip(rows, figures, strict=True):
            if figure.low is not None and figure.high is not None:
                axes.plot([figure.low, figure.high], [row, row], color=FIRST, linewidth=2.2, alpha=0.45)
        axes.plot([figure.value or 0.0 for figure in figures], rows, "o", color=FIRST, clip_on=False)
        axes.set_yticks(rows, [each.name for each in drawn])
        axes.set(xlabel="AUROC", ylim=(-0.6, len(drawn) - 0.4))
        axes.set_xlim(right=min(1.0, axes.get_xlim()[1]))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
    return drawing.markup


def _curves(entries: Sequence[Entry]) -> list[tuple[str, Markup]]:
    """Training and validation by epoch, one line for each detector."""
    drawn = []
    for key, title in (
        ("train_loss", "Training loss"),
        ("val_loss", "Validation loss"),
        ("val_auroc", "Validation AUROC"),
        ("val_accuracy", "Validation accuracy"),
    ):
        lines = {
            entry.name: [(row["epoch"], row[key]) for row in entry.history if row.get(key) is not None]
            for entry in entries
        }
        lines = {name: line for name, line in lines.items() if line}
        if not lines:
            continue
        ends = "; ".join(f"{name} ends at {line[-1][1]:.3g}" for name, line in lines.items())
        with sheet(f"curve-{key}", f"{title} by epoch: {ends}", (4.6, 3.0)) as drawing:
            for number, (name, line) in enumerate(lines.items()):
                epochs, values = zip(*line, strict=True)
                drawing.axes.plot(
                    epochs, values, color=_COLOURS[number % 4], linestyle=_STYLES[number // 4 % 4], label=name,
                    marker="o" if len(epochs) == 1 else None,
                )  # fmt: skip
            whole_numbers(drawing.axes.xaxis)
            drawing.axes.set(xlabel="epoch")
            drawing.axes.legend(loc="best", fontsize=9)
        drawn.append((title, drawing.markup))
    return drawn


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}".replace("-", "−")


def _interval(figure: Figure) -> str:
    low, high = figure.low, figure.high
    return "" if low is None or high is None else f"{low:.4f}–{high:.4f}"


def _span(figure: Figure) -> str:
    """An interval whose ends may be below 0."""
    low, high = figure.low, figure.high
    return "" if low is None or high is None else f"{_signed(low)} to {_signed(high)}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
