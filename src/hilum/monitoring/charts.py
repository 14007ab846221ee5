"""The charts of a look over time, as SVG that stands in a page: no script, no style sheet, no library."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from markupsafe import Markup

from hilum.monitoring.statements import ALARM, percent
from hilum.monitoring.time_record import DayCount, ScorePath, SharePath

WIDTH, HEIGHT = 560, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 14, 36
# The colours of the page that a chart stands in: those of reports, or of the reading room.
_FIRST, _SECOND = "var(--first, var(--accent))", "var(--second, var(--warn))"
_INK, _MUTED, _RULE = "var(--ink)", "var(--muted)", "var(--rule)"
_MOST_BARS = 92  # then a bar is a week
_HIGHEST = 4.0  # decimal logarithm of evidence; more is drawn there


def days_chart(days: Sequence[DayCount]) -> Markup:
    """Films a day, or a week where there are many days, by answer."""
    weekly = len(days) > _MOST_BARS
    bars = _by_week(days) if weekly else list(days)
    most = max(each.films for each in bars)
    scale = _Scale(0, _rounded_up(most), len(bars))
    width = scale.step * 0.78
    parts = []
    for number, each in enumerate(bars):
        x, below = scale.x(number + 0.5) - width / 2, 0
        for films, fill in ((each.answered, _FIRST), (each.not_sure, _SECOND), (each.not_judged, _MUTED)):
            if films:
                top = scale.y(below + films)
                parts.append(_rect(x, top, width, scale.y(below) - top, fill))
            below += films
    every = max(1, math.ceil(len(bars) / 6))
    dates = [(number + 0.5, f"{each.day:%-d %b}") for number, each in enumerate(bars) if number % every == 0]
    what = "week" if weekly else "day"
    description = f"Films a {what}, {len(bars)} {what}s from {days[0].day:%-d %B %Y}; at most {most:,} in one {what}."
    return _chart(description, [scale.grid(lambda films: f"{films:,.4g}"), *parts, scale.labels(dates)])


def share_chart(path: SharePath, what: str) -> Markup:
    """A share after so many films, with the band of intervals that hold at every look."""
    highest = max((each.high or 0) for each in path.figures[len(path.figures) // 4 :])
    highest = max(highest, path.last.value or 0, 2 * (path.expected or 0), 0.02)
    scale = _Scale(0, min(1.0, _rounded_up(highest)), max(path.films[-1], 2))
    at = [scale.x(films) for films in path.films]
    upper = [(x, scale.y(each.high or 0)) for x, each in zip(at, path.figures, strict=True)]
    lower = [(x, scale.y(each.low or 0)) for x, each in zip(at, path.figures, strict=True)]
    line = [(x, scale.y(each.value or 0)) for x, each in zip(at, path.figures, strict=True)]
    band = Markup('<polygon points="{}" fill="{}" opacity="0.2"/>').format(_points(upper + lower[::-1]), _FIRST)
    parts = [scale.grid(lambda share: f"{100 * share:g}%"), band, _line(line, _FIRST)]
    if path.expected is not None:
        parts.append(scale.level(path.expected, f"made for: {percent(path.expected)}"))
    ends = [(path.films[-1] * part, f"{round(path.films[-1] * part):,}") for part in (0, 0.5, 1)]
    description = f"{what} after so many patients' first films: at the end {percent(path.last.value)}."
    return _chart(description, [*parts, scale.labels(ends)])


def bins_chart(scores: ScorePath, positive: str) -> Markup:
    """The share of films in each bin of the score, here and in validation."""
    bins = len(scores.expected)
    scale = _Scale(0, _rounded_up(max(*scores.expected, *scores.found)), bins)
    width = scale.step * 0.36
    parts = []
    for number, (expected, found) in enumerate(zip(scores.expected, scores.found, strict=True)):
        middle = scale.x(number + 0.5)
        for x, share, fill in ((middle - width - 1, expected, _MUTED), (middle + 1, found, _FIRST)):
            parts.append(_rect(x, scale.y(share), width, scale.y(0) - scale.y(share), fill))
    edges = [(0.0, "0")] + [(number + 1.0, _short(edge)) for number, edge in enumerate(scores.edges)]
    description = (
        f"Share of films by the probability of {positive}, in validation and here: "
        + "; ".join(f"{percent(a)} and {percent(b)}" for a, b in zip(scores.expected, scores.found, strict=True))
        + "."
    )
    return _chart(
        description,
        [scale.grid(lambda share: f"{100 * share:g}%"), *parts, scale.labels([*edges, (float(bins), "1")])],
    )


def evidence_chart(scores: ScorePath) -> Markup:
    """The evidence after so many films, on a logarithmic scale, with the line of the alarm."""
    scale = _Scale(-1.0, _HIGHEST, scores.films[-1])
    parts = [scale.grid(lambda power: f"{10**power:,.9g}"), scale.level(ALARM, "alarm: 20")]
    for path, fill, dashes in ((scores.changed, _FIRST, ""), (scores.beyond, _SECOND, "6 3")):
        line = [
            (scale.x(films), scale.y(min(max(value, -1.0), _HIGHEST)))
            for films, value in zip(scores.films, path, strict=True)
        ]
        parts.append(_line(line, fill, dashes))
    ends = [(scores.films[-1] * part, f"{round(scores.films[-1] * part):,}") for part in (0, 0.5, 1)]
    description = (
        f"Evidence after so many patients' first films that scores have changed, at most "
        f"{_evidence(max(scores.changed))}, and that no mix of classes explains them, at most "
        f"{_evidence(max(scores.beyond))}; an alarm is at 20."
    )
    return _chart(description, [*parts, scale.labels(ends)])


def _evidence(power: float) -> str:
    return f"over {10**_HIGHEST:,.0f}" if power > _HIGHEST else f"{10 ** max(power, -1.0):.2g}"


class _Scale:
    """Where numbers lie in a chart."""

    def __init__(self, low: float, high: float, across: float) -> None:
        self.low, self.high, self.across = low, high, across

    @property
    def step(self) -> float:
        return (WIDTH - _LEFT - _RIGHT) / self.across

    def x(self, value: float) -> float:
        return _LEFT + value * self.step

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def grid(self, text: Callable[[float], str]) -> Markup:
        """Lines across at even values, with what they stand for."""
        ticks = [self.low + (self.high - self.low) * part / 5 for part in range(6)]
        if self.low == 0:
            ticks = [self.high * part / 4 for part in range(5)]
        return Markup("").join(
            Markup(
                '<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="1"/>'
                '<text x="{}" y="{:.1f}" text-anchor="end" font-size="13" fill="{}">{}</text>'
            ).format(_LEFT, WIDTH - _RIGHT, y, y, _RULE, _LEFT - 7, y + 4.5, _MUTED, text(tick))
            for tick in ticks
            for y in (self.y(tick),)
        )

    def level(self, value: float, text: str) -> Markup:
        """A line across at a value, with what it is."""
        y = self.y(value)
        return Markup(
            '<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="1.5" stroke-dasharray="2 3"/>'
            '<text x="{}" y="{:.1f}" text-anchor="end" font-size="13" fill="{}">{}</text>'
        ).format(_LEFT, WIDTH - _RIGHT, y, y, _INK, WIDTH - _RIGHT - 4, y - 5, _INK, text)

    def labels(self, at: Iterable[tuple[float, str]]) -> Markup:
        """What stands below, at values along the chart."""
        return Markup("").join(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}" font-size="13" fill="{}">{}</text>').format(
                self.x(value),
                HEIGHT - _BOTTOM + 19,
                "end" if self.x(value) > WIDTH - 30 else "middle",
                _MUTED,
                text,
            )
            for value, text in at
        )


def _chart(description: str, parts: Sequence[Markup]) -> Markup:
    opened = Markup('<svg class="chart" role="img" aria-label="{}" viewBox="0 0 {} {}">')
    return opened.format(description, WIDTH, HEIGHT) + Markup("").join(parts) + Markup("</svg>")


def _rect(x: float, y: float, width: float, height: float, fill: str) -> Markup:
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>').format(
        x, y, width, height, fill
    )


def _line(points: Sequence[tuple[float, float]], stroke: str, dashes: str = "") -> Markup:
    shown = Markup(' stroke-dasharray="{}"').format(dashes) if dashes else ""
    return Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2"{}/>').format(
        _points(points), stroke, shown
    )


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _rounded_up(value: float) -> float:
    """The next of 4, 8, 12, 16, 20, 40, … (or 0.04, …), which four lines divide evenly."""
    power = 10.0 ** math.floor(math.log10(value / 4)) if value > 0 else 1.0
    return next(4 * power * each for each in (1, 2, 3, 4, 5, 10) if 4 * power * each >= value * (1 - 1e-9))


def _short(edge: float) -> str:
    """An edge between bins: not rounded to a certainty."""
    digits = 2
    while digits < 6 and round(edge, digits) in (0.0, 1.0):
        digits += 1
    return f"{edge:.{digits}f}".removeprefix("0")


def _by_week(days: Sequence[DayCount]) -> list[DayCount]:
    weeks: dict[object, list[DayCount]] = {}
    for each in days:
        weeks.setdefault(each.day - timedelta(days=each.day.weekday()), []).append(each)
    return [
        DayCount(
            week[0].day,
            sum(each.answered for each in week),
            sum(each.not_sure for each in week),
            sum(each.not_judged for each in week),
        )
        for week in weeks.values()
    ]
