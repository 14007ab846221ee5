"""The report's drawings of figures under shifts, each an SVG element with a description in words."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from hilum.evaluation.figures import LINE_STYLES
from hilum.evaluation.result_parts import BatteryResult
from hilum.pages import FIRST, INK, SECOND, sheet
from hilum.shifts import LEVELS


def shifts_figure(shifted: BatteryResult) -> Markup | None:
    """The AUROC under each shift with its interval, the worst on top; None where none is defined."""
    defined = {name: value for name, group in shifted.per_shift.items() if (value := group.auroc.value) is not None}
    if not defined:
        return None
    names = sorted(defined, key=defined.__getitem__, reverse=True)
    values = np.array([defined[name] for name in names])
    description = "AUROC under each shift, the worst first: " + ", ".join(
        f"{name.replace('_', ' ')} {defined[name]:.3f}" for name in reversed(names)
    )
    with sheet(f"shifts {shifted.battery}", description) as drawing:
        axes = drawing.axes
        rows = np.arange(len(names))
        for row, name in zip(rows, names, strict=True):
            figure = shifted.per_shift[name].auroc
            if figure.low is not None and figure.high is not None:
                axes.plot(
                    [figure.low, figure.high],
                    [row, row],
                    color=FIRST,
                    linewidth=2.2,
                    alpha=0.45,
                    solid_capstyle="round",
                )
        axes.plot(values, rows, "o", color=FIRST, markersize=6, label="shifted", clip_on=False)
        for figure, colour, offset, label in (
            (shifted.unshifted.auroc, INK, 0, "as they are"),
            (shifted.auroc_mean, SECOND, 3, "mean of the shifts"),  # its dashes fill the other's gaps
        ):
            if figure.value is not None:
                axes.axvline(figure.value, color=colour, linewidth=1.2, linestyle=(offset, (3, 3)), label=label)
        axes.set_yticks(rows, [name.replace("_", " ") for name in names])
        axes.set(xlabel="AUROC", ylim=(-0.6, len(names) - 0.4))
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlim(right=min(1.0, axes.get_xlim()[1]))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        drawing.axes.figure.legend(loc="outside upper center", ncols=3, fontsize=9, handlelength=1.5)
    return drawing.markup


def severity_figures(severity: BatteryResult) -> list[tuple[str, Markup]]:
    """For each thing that there can be more or less of, the AUROC, sensitivity and specificity at each level."""
    drawn = []
    for change, levels in LEVELS.items():
        kind = change.__name__
        groups = [severity.per_shift[f"{kind} {level:g}"] for level in levels]
        curves = {
            name: [getattr(group, name) for group in groups] for name in ("auroc", "sensitivity", "specificity")
        }
        curves = {name: curve for name, curve in curves.items() if all(each.value is not None for each in curve)}
        if not curves:
            continue
        ends = "; ".join(
            f"{name} {curve[0].value:.2f} at {levels[0]:g}, {curve[-1].value:.2f} at {levels[-1]:g}"
            for name, curve in curves.items()
        )
        title = (change.__doc__ or kind).partition("\n")[0].rstrip(".")
        with sheet(f"severity-{kind}", f"{title}: {ends}", (4.6, 2.9)) as drawing:
            axes, places = drawing.axes, np.arange(len(levels))
            for number, (name, curve) in enumerate(curves.items()):
                colour, style = (INK, SECOND, FIRST)[number], LINE_STYLES[number]
                aside = places + 0.12 * (number - 1)  # three intervals at one place would hide each other
                axes.plot(aside, [figure.value for figure in curve], color=colour, linestyle=style, marker="o",
                          markersize=4, label="AUROC" if name == "auroc" else name, clip_on=False)  # fmt: skip
                for place, figure in zip(aside, curve, strict=True):
                    if figure.low is not None:
                        axes.vlines(place, figure.low, figure.high, color=colour, linewidth=2, alpha=0.3)
            axes.set_xticks(places, [f"{level:g}" for level in levels])
            axes.set(ylim=(min(0.5, *axes.get_ylim()), 1.01))
            axes.figure.legend(loc="outside upper center", ncols=3, fontsize=9, handlelength=1.8)
        drawn.append((title, drawing.markup))
    return drawn
