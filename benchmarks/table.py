"""The rows as a table for people, as JSON for programs, and as a picture."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import Row, Verdict, share_of_limit, verdicts
from hilum.training.precision import describe_processor


def in_words(rows: list[Row], limits: list[Row]) -> str:
    """Rates with the share of the machine's limit, limits, and targets: Markdown."""
    lines = ["", "| work | system | median (spread) | of the machine's limit |", "|---|---|---|---|"]
    for row in rows:
        share = share_of_limit(row, limits)
        of_limit = "" if share is None or row.limit is None else f"{share:.0%} of {row.limit[0]}"
        system = f"{row.system} ({row.note})" if row.note else row.system
        lines.append(
            f"| {row.work} | {system} | {_number(row.median)} {_spread(row.values)} {row.unit} | {of_limit} |"
        )
    lines += ["", "| limit of the machine | median (spread) |", "|---|---|"]
    lines += [f"| {row.system} | {_number(row.median)} {_spread(row.values)} {row.unit} |" for row in limits]
    lines += ["", "| target | measured (spread) | |", "|---|---|---|"]
    lines += [f"| {_asked(each)} | {_came_out(each)} | {each.in_words()} |" for each in verdicts(rows)]
    return "\n".join(lines)


def to_json(rows: list[Row], limits: list[Row]) -> str:
    """Everything that was measured, the machine and the versions."""
    machine = {
        "processor": describe_processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "hilum")},
    }
    targets = [
        {
            "work": each.row.work,
            "system": each.row.system,
            **asdict(each.target),
            "median": each.value,
            "low": each.low,
            "high": each.high,
            "met": each.met,
        }
        for each in verdicts(rows)
    ]
    shares = [{**asdict(row), "share_of_limit": share_of_limit(row, limits)} for row in rows]
    tables = {"machine": machine, "rows": shares, "limits": [asdict(row) for row in limits], "targets": targets}
    return json.dumps(tables, indent=1) + "\n"


def draw(rows: list[Row], path: Path) -> None:
    """Each system's median of each piece of work as a part of the best one's, with its spread, as SVG.

    Work that only one system did is left out: there is nothing to see beside it; and so are times, of which the best
    is the shortest.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    works = {row.work: [other for other in rows if other.work == row.work] for row in rows}
    groups = {work: group for work, group in works.items() if len(group) > 1 and group[0].unit.endswith("/s")}
    height = sum(len(group) + 1.4 for group in groups.values())
    figure = Figure(figsize=(7.5, 0.26 * height + 0.2), layout="constrained")
    axes = figure.subplots()
    place, ticks, labels = 0.0, [], []
    for work, group in groups.items():
        best = max(row.median for row in group)
        axes.text(0, place, f"{work}, {group[0].unit}", fontsize=8, weight="bold", va="center")
        for row in group:
            place -= 1
            low, high = (row.median - min(row.values)) / best, (max(row.values) - row.median) / best
            colour = "#1f6f8b" if row.system.startswith("Hilum") else "#b8c4cc"
            axes.barh(place, row.median / best, xerr=[[low], [high]], color=colour, ecolor="#444", capsize=2)
            axes.text(1.38, place, _number(row.median), fontsize=8, va="center", ha="right")
            ticks.append(place)
            labels.append(row.system)
        place -= 1.4
    axes.set(xlim=(0, 1.4), ylim=(place + 0.8, 0.7), yticks=ticks, xticks=[])
    axes.set_yticklabels(labels, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hilum"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: tuple[float, ...]) -> str:
    return f"({_number(min(values))} to {_number(max(values))})"


def _asked(each: Verdict) -> str:
    than = "at most" if each.target.at_most else "at least"
    if each.target.against:
        return f"{each.row.work}: {each.row.system} {than} {each.target.bound:g} times {each.target.against}"
    return f"{each.row.work}: {each.row.system} {than} {each.target.bound:g} {each.row.unit}"


def _came_out(each: Verdict) -> str:
    values = f"{_number(each.value)} ({_number(each.low)} to {_number(each.high)})"
    return f"{values} times" if each.target.against else f"{values} {each.row.unit}"
