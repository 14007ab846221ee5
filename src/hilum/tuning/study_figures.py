"""A study's figures, in the style of the evaluation's report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hilum.pages import FIRST, INK, MUTED, SECOND, sheet, whole_numbers
from hilum.recipe import Range
from hilum.tuning.space import format_value
from hilum.tuning.summary import StudyObjective, StudySummary, Trial

if TYPE_CHECKING:
    from matplotlib.axis import Axis

SPREAD = 10.0  # learning curves whose largest figure is so many times the smallest have a log scale
REACH = 4.0  # a trial is drawn at the edge if it is so many times as far from the best figure as the median
_SIZE = (4.6, 3.1)


def progress_figure(summary: StudySummary) -> Markup:
    """Draw the figure of every trial that is done, and the best so far."""
    done = [trial for trial in summary.trials if trial.figure is not None]
    numbers, figures = [trial.number for trial in done], [trial.figure for trial in done if trial.figure is not None]
    best = (np.minimum if summary.objective.minimize else np.maximum).accumulate(figures)
    edge = _edge(figures, summary.objective)
    description = f"the best {summary.objective.description} by trial: from {best[0]:.4f} to {best[-1]:.4f}"
    with sheet("progress", description, _SIZE) as drawing:
        axes = drawing.axes
        for number, figure in zip(numbers, figures, strict=True):
            inside, mark = _at_edge(figure, edge, summary.objective)
            label = "a trial" if number == numbers[0] else None
            axes.plot([number], [inside], mark, color=MUTED, alpha=0.55, markersize=5, label=label)
        # To the last trial of all: the best one stays the best while others are pruned or fail.
        last = max(trial.number for trial in summary.trials)
        axes.step([*numbers, last], [*best, best[-1]], where="post", color=FIRST, label="the best so far")
        axes.set(xlabel="trial", ylabel=summary.objective.description)
        whole_numbers(axes.xaxis)
        axes.legend(loc="best", fontsize=9)
    return drawing.markup


def curves_figure(summary: StudySummary) -> Markup:
    """Draw the monitored figure of every trial by epoch: the best trial strong, pruned and failed ones faint."""
    best, curves = summary.best, [trial for trial in summary.trials if trial.curve]
    pruned = len(summary.in_state("pruned"))
    description = f"{summary.objective.description} of {len(curves)} trials by epoch; {pruned} of them were pruned"
    with sheet("curves", description, _SIZE) as drawing:
        axes = drawing.axes
        named: set[str] = set()
        # The faint ones below, the best one on top.
        for trial in sorted(curves, key=lambda trial: (trial is best, trial.state == "done")):
            name = "the best" if trial is best else "done" if trial.state == "done" else "pruned or not done"
            colour, width, alpha = {"the best": (SECOND, 2.4, 1.0), "done": (FIRST, 1.2, 0.65)}.get(
                name, (MUTED, 1.0, 0.4)
            )
            axes.plot(
                list(trial.curve), list(trial.curve.values()), color=colour, linewidth=width, alpha=alpha,
                marker="o", markersize=2.5 if len(trial.curve) > 1 else 4, label=name if name not in named else None,
            )  # fmt: skip
            named.add(name)
        axes.set(xlabel="epoch", ylabel=summary.objective.description)
        whole_numbers(axes.xaxis)
        # A curve that was pruned because it diverged may leave the axes.
        ended = [trial for trial in curves if trial.state == "done"] or curves
        within = [figure for trial in ended for figure in trial.curve.values() if math.isfinite(figure)]
        if within and summary.objective.minimize and 0 < SPREAD * min(within) < max(within):
            _use_log_scale(axes.yaxis)
            axes.set_ylim(min(within) / 1.2, max(within) * 1.2)
        elif within and min(within) < max(within):
            margin = 0.05 * (max(within) - min(within))
            axes.set_ylim(min(within) - margin, max(within) + margin)
        axes.legend(loc="best", fontsize=9)
    return drawing.markup


def against_figure(summary: StudySummary, key: str, number: int) -> Markup:
    """Draw the figure of every trial against its value for one key; pruned ones faint, at their last figure."""
    what = summary.recipe.tune.space[key]
    seen = [
        (trial, figure) for trial in summary.trials if key in trial.values and (figure := _last(trial)) is not None
    ]
    description = f"{summary.objective.description} of {len(seen)} trials against {key}"
    best, edge = summary.best, _edge([figure for _, figure in seen], summary.objective)
    with sheet(f"against-{number}", description, _SIZE) as drawing:
        axes = drawing.axes
        for trial, figure in sorted(seen, key=lambda pair: (pair[0] is best, pair[0].state == "done")):
            colour, size, alpha = (FIRST, 5.5, 0.75) if trial.state == "done" else (MUTED, 4.5, 0.4)
            if trial is best:
                colour, size, alpha = SECOND, 8.0, 1.0
            inside, mark = _at_edge(figure, edge, summary.objective)
            axes.plot(
                [_place(trial, key, summary)], [inside], mark, color=colour, markersize=size, alpha=alpha,
                markerfacecolor=colour if trial.state == "done" else "none",
            )  # fmt: skip
        if not isinstance(what, Range):
            axes.set_xticks(range(len(what)), [format_value(value) for value in what])
            axes.set_xlim(-0.5, len(what) - 0.5)
        elif what.log:
            _use_log_scale(axes.xaxis)
        elif isinstance(what.low, int) and isinstance(what.high, int):
            whole_numbers(axes.xaxis)
        axes.set(ylabel=summary.objective.description)
    return drawing.markup


def importances_figure(importances: dict[str, float]) -> Markup:
    """A bar for each key, the longest on top."""
    keys = list(importances)
    description = "importance: " + ", ".join(f"{key} {share:.2f}" for key, share in importances.items())
    with sheet("importances", description, (4.6, 0.9 + 0.42 * len(keys))) as drawing:
        axes = drawing.axes
        rows = range(len(keys))[::-1]
        axes.barh(list(rows), list(importances.values()), height=0.55, color=FIRST)
        for row, share in zip(rows, importances.values(), strict=True):
            axes.text(share + 0.01, row, f"{share:.2f}", va="center", fontsize=9, color=INK)
        axes.set_yticks(list(rows), [_two_lines(key) for key in keys])
        axes.set(xlim=(0, 1.12), xlabel="share", xticks=(0, 0.25, 0.5, 0.75, 1))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
    return drawing.markup


def _last(trial: Trial) -> float | None:
    if trial.figure is not None:
        return trial.figure
    return next((figure for figure in reversed(trial.curve.values()) if math.isfinite(figure)), None)


def _place(trial: Trial, key: str, summary: StudySummary) -> float:
    what, value = summary.recipe.tune.space[key], trial.values[key]
    if isinstance(what, Range):
        return float(value)
    # Trials with the same choice are drawn side by side, always at the same places.
    return float(what.index(value)) + 0.3 * ((trial.number * 0.618034) % 1 - 0.5)


def _edge(figures: Sequence[float], objective: StudyObjective) -> float | None:
    """Beyond it a figure is so bad that it would compress all others into a line; None if no figure is."""
    finite = [figure for figure in figures if math.isfinite(figure)]
    if not finite:
        return None
    best = min(finite) if objective.minimize else max(finite)
    edge = best + REACH * (float(np.median(finite)) - best)
    return edge if edge != best and any(objective.better(edge, figure) for figure in finite) else None


def _at_edge(figure: float, edge: float | None, objective: StudyObjective) -> tuple[float, str]:
    """Where a figure is drawn, and its mark: an arrow if it is beyond the edge."""
    if edge is None or not objective.better(edge, figure):
        return figure, "o"
    return edge, "^" if objective.minimize else "v"


def _use_log_scale(axis: Axis) -> None:
    """Label the powers of ten as plain numbers: matplotlib's own labels are formulas, which the page cannot draw."""
    from matplotlib.ticker import LogLocator, NullFormatter

    set_scale = axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale
    set_scale("log")
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _two_lines(key: str) -> str:
    section, _, name = key.rpartition(".")
    return f"{section}.\n{name}" if section and len(key) > 18 else key


def drawings(summary: StudySummary) -> Sequence[tuple[str, Markup]]:
    """Title and drawing of how the study went; none before a trial has finished an epoch."""
    drawn = []
    if summary.best is not None:
        drawn.append(("The best figure, trial by trial", progress_figure(summary)))
    if any(trial.curve for trial in summary.trials):
        drawn.append(("Learning curves", curves_figure(summary)))
    return drawn
