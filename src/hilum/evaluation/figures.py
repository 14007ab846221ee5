"""The report's drawings of probabilities and of training, each an SVG element with a description in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from hilum.evaluation.truth import BinaryFilms
from hilum.metrics import clusters_of, pr_curve, reliability, resampled_weights, roc_curve
from hilum.metrics.counts import Bools, Floats, confusion
from hilum.pages import FIRST, INK, MUTED, RULE, SECOND, Sheet, sheet, whole_numbers

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

BAND_RESAMPLES = 300  # enough for a band that is looked at, not read off
LINE_STYLES: tuple[LineStyleType, ...] = ("-", (0, (4, 2)), (0, (1, 1.5)))


def roc_figure(films: BinaryFilms, called: Bools, decision: str, name: str = "roc", seed: int = 0) -> Markup:
    """The ROC curve with its 95% band over patients and the operating point; needs films of both classes.

    Args:
        films: the positive class against the other, or against the rest.
        called: `(n,)`, which films are called positive.
        decision: what decides that, for the legend.
        name: unlike that of any other drawing of the page.
        seed: where the band's draws start.
    """
    curve = roc_curve(films.labels, films.probs)
    found, alarms = float(called[films.labels].mean()), 1 - float((~called)[~films.labels].mean())
    description = (
        f"ROC curve. At the operating point the sensitivity is {found:.2f} at a false-positive rate of {alarms:.2f}."
    )
    with sheet(name, description) as drawing:
        axes = drawing.axes
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)), label="chance")
        places, low, high = _roc_band(films, seed)
        axes.fill_between(places, low, high, color=FIRST, alpha=0.18, linewidth=0, label="95% of resamples")
        axes.plot(curve.false_positive_rate, curve.sensitivity, color=FIRST, label="these films", clip_on=False)
        axes.plot(alarms, found, "o", color=SECOND, markersize=7, label=decision, clip_on=False)
        _unit_square(drawing, "1 − specificity", "sensitivity")
        axes.legend(loc="lower right", fontsize=9)
    return drawing.markup


def pr_figure(films: BinaryFilms, threshold: float) -> Markup:
    """The precision–recall curve with the operating point; needs films of both classes."""
    curve = pr_curve(films.labels, films.probs)
    _, fp, fn, tp = (float(count) for count in confusion(films.labels, films.probs, threshold))
    share = float(films.labels.mean())
    description = (
        f"Precision–recall curve. {share:.0%} of these films are positive, which is the precision of chance."
    )
    with sheet("pr", description) as drawing:
        axes = drawing.axes
        axes.axhline(share, color=MUTED, linewidth=1, linestyle=(0, (3, 3)), label="chance")
        # The area of steps, and not of slopes between the points, is the average precision.
        recalls, precisions = np.append(0, curve.recall), np.append(curve.precision[0], curve.precision)
        axes.step(recalls, precisions, color=FIRST, where="pre", label="these films", clip_on=False)
        if tp + fp:
            point = tp / (tp + fn), tp / (tp + fp)
            axes.plot(*point, "o", color=SECOND, markersize=7, label=f"threshold {threshold:.3g}", clip_on=False)
        _unit_square(drawing, "recall (sensitivity)", "precision")
        axes.legend(loc="lower left", fontsize=9)
    return drawing.markup


def reliability_figure(films: BinaryFilms, what: str = "positive", before: BinaryFilms | None = None) -> Markup:
    """Observed frequency against predicted probability, bin by bin; a point's area is proportional to its films.

    Args:
        films: with the probability that each is `what`, and whether it is.
        what: the event whose probability is predicted, in a word.
        before: the same films with the probabilities that they had before calibration, where there was one.
    """
    bins = reliability(films.labels, films.probs)
    filled = bins.films > 0
    description = "Reliability diagram: " + "; ".join(
        f"of {count:.0f} films at probability {prob:.2f}, {frequency:.0%} are {what}"
        for count, prob, frequency in zip(
            bins.films[filled], bins.mean_prob[filled], bins.frequency[filled], strict=True
        )
    )
    with sheet("reliability", description) as drawing:
        axes = drawing.axes
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 3)), label="perfect calibration")
        if before is not None:
            raw = reliability(before.labels, before.probs)
            some = raw.films > 0
            axes.plot(
                raw.mean_prob[some], raw.frequency[some], "D", color=SECOND, markersize=5, markerfacecolor="none",
                linestyle=(0, (1, 2)), linewidth=1, label="before calibration",
            )  # fmt: skip
        areas = 20 + 380 * bins.films[filled] / bins.films.max()
        axes.set(
            xlim=(-0.03, 1.03), ylim=(-0.03, 1.06), xlabel="predicted probability", ylabel=f"observed share {what}"
        )
        axes.vlines(bins.mean_prob[filled], bins.mean_prob[filled], bins.frequency[filled], color=FIRST, linewidth=1)
        axes.scatter(
            bins.mean_prob[filled], bins.frequency[filled], s=areas, color=FIRST, alpha=0.55, linewidth=0,
            label=None if before is None else "after calibration",
        )  # fmt: skip
        axes.legend(loc="best", fontsize=9)
    return drawing.markup


def distribution_figure(
    probs: Floats, labels: Sequence[str], classes: tuple[str, ...], threshold: float | None, of: str = ""
) -> Markup:
    """How many films get which probability: the positive class upwards, the other downwards, unlabelled ones in grey.

    Args:
        probs: `(n,)`, of the positive class.
        labels: the class of each, `""` where unknown.
        classes: the two names, the positive one last.
        threshold: where the detector decides, if at one.
        of: what the probabilities are of, where that is not the positive class.
    """
    of = of or classes[1]
    edges = np.linspace(0, 1, 26)
    named = np.array(labels, dtype=object)
    groups = (
        (classes[1], named == classes[1], SECOND, 1),
        (classes[0], named == classes[0], FIRST, -1),
        ("no label", named == "", MUTED, 1),
    )
    description = (
        f"Histogram of the probability of {of}"
        + (". " if threshold is None else f", with the threshold at {threshold:.3g}. ")
        + "; ".join(f"{name}: {int(member.sum())} films" for name, member, _, _ in groups if member.any())
    )
    with sheet("distribution", description) as drawing:
        axes = drawing.axes
        stacked = np.zeros(edges.size - 1)
        for name, member, colour, side in groups:
            if not member.any():
                continue
            heights = np.histogram(probs[member], edges)[0]
            base = stacked if side > 0 else np.zeros_like(stacked)
            axes.bar(edges[:-1], side * heights, np.diff(edges), base, align="edge", color=colour, alpha=0.8,
                     label=_short(name), linewidth=0)  # fmt: skip
            if side > 0:
                stacked = stacked + heights
        axes.axhline(0, color=RULE, linewidth=1)
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (3, 3)), label=f"threshold {threshold:.3g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
        whole_numbers(axes.yaxis)
        axes.set(xlim=(0, 1), xlabel=f"probability of {_short(of)}", ylabel="films")
        axes.grid(axis="x", visible=False)
        axes.legend(loc="best", fontsize=9)
    return drawing.markup


def history_figures(history: Sequence[dict[str, float]]) -> list[Markup]:
    """Losses, other figures and the learning rate by epoch, fitness by generation; nothing for what is not there."""
    keys = list(dict.fromkeys(key for row in history for key in row))
    losses = [key for key in keys if key.endswith("loss")]
    shares = [key for key in keys if key.startswith(("train_", "val_")) and key not in losses]
    rates = [key for key in keys if key == "learning_rate"]
    drawn = []
    fitness = [key for key in keys if key.startswith("fitness_")]
    for title, chosen, along in (
        ("loss", losses, "epoch"),
        ("figures", shares, "epoch"),
        ("learning rate", rates, "epoch"),
        ("fitness", fitness, "generation"),
    ):
        rows = [row for row in history if row.keys() & set(chosen)]
        epochs = np.array([row.get(along, number) for number, row in enumerate(rows, start=1)], dtype=float)
        values = {key: np.array([row.get(key, np.nan) for row in rows], dtype=float) for key in chosen}
        values = {key: value for key, value in values.items() if np.isfinite(value).any()}
        if not values:
            continue
        last = "; ".join(f"{key} ends at {value[np.isfinite(value)][-1]:.3g}" for key, value in values.items())
        with sheet(f"history-{title.replace(' ', '-')}", f"{title} by {along}: {last}", (4.6, 2.8)) as drawing:
            drawn_in = {FIRST: 0, SECOND: 0}
            for key, value in values.items():
                colour = SECOND if key.startswith("val") else FIRST
                style = LINE_STYLES[drawn_in[colour] % len(LINE_STYLES)]
                drawn_in[colour] += 1
                drawing.axes.plot(epochs, value, color=colour, linestyle=style, label=key.replace("_", " "),
                                  marker="o" if len(rows) == 1 else None)  # fmt: skip
            if len(rows) == 1:
                drawing.axes.set_xticks(epochs)
            else:
                whole_numbers(drawing.axes.xaxis)
            drawing.axes.set(xlabel=along, ylabel=title if title != "figures" else "")
            drawing.axes.legend(loc="best", fontsize=9)
        drawn.append(drawing.markup)
    return drawn


def _roc_band(films: BinaryFilms, seed: int) -> tuple[Floats, Floats, Floats]:
    places = np.linspace(0, 1, 101)
    heights = []
    for weights in resampled_weights(clusters_of(films.labels, films.patients), BAND_RESAMPLES, seed):
        for row in weights:
            curve = roc_curve(films.labels, films.probs, row)
            heights.append(np.interp(places, curve.false_positive_rate, curve.sensitivity))
    low, high = np.quantile(heights, (0.025, 0.975), axis=0)
    return places, low, high


def _unit_square(drawing: Sheet, x: str, y: str) -> None:
    drawing.axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel=x, ylabel=y)


def _short(name: str) -> str:
    """A class name that leaves its axis room."""
    return name if len(name) <= 24 else f"{name[:23]}…"
