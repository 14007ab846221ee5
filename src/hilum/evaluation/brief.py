"""Figures in brief, as lines of text: alone, of the films that are answered, and by class."""

from __future__ import annotations

from hilum.evaluation.acquisition_parts import AcquisitionResult
from hilum.evaluation.answered_parts import AnsweredResult
from hilum.evaluation.result_parts import ClassFigures, PairFigures, PredictionSetsResult
from hilum.records import ABSTENTIONS, Figure

_REASONS = 5  # the largest number of reasons that are shown


def number_of(figure: Figure) -> str:
    """The value, with four digits."""
    return "not defined" if figure.value is None else f"{figure.value:.4f}"


def interval_of(figure: Figure) -> str:
    """Its 95% interval; empty where it has none."""
    return "" if figure.low is None or figure.high is None else f"{figure.low:.4f} to {figure.high:.4f}"


def line_of(name: str, figure: Figure, answered: Figure | None = None) -> str:
    """A figure of all films and, where some are not answered, of those that are."""
    text = f"{name:<16}{with_interval(figure)}"
    return text if answered is None else f"{text:<46}answered: {with_interval(answered)}"


def with_interval(figure: Figure) -> str:
    """The value, and its interval in brackets where it has one."""
    span = interval_of(figure)
    return number_of(figure) + (f"  ({span})" if span else "")


def answer_lines(answered: AnsweredResult) -> list[str]:
    """How many films are answered, and why the others are not; the most frequent reasons."""
    without = ", ".join(f"{answered.answers[name]:,} {name}" for name in ABSTENTIONS if answered.answers[name])
    lines = [line_of("coverage", answered.coverage) + (f"  {without}" if without else "  every film is answered")]
    reasons = list(answered.reasons.items())
    lines += [f"   {count:>5,}  {why}" for why, count in reasons[:_REASONS]]
    more = sum(count for _, count in reasons[_REASONS:])
    return lines + ([f"   {more:>5,}  for other reasons"] if more else [])


def set_lines(sets: PredictionSetsResult) -> list[str]:
    """How often prediction sets have the films' class, how large they are, and how often they hold one class."""
    width = max(len(name) for name in sets.per_class) + len(" in its set")
    lines = [f"-- prediction sets, promised to have the class of {sets.promised:.0%} of each class's films"]
    lines += [f"{f'{name} in its set':<{width}}  {with_interval(share)}" for name, share in sets.per_class.items()]
    one = f"{'one class':<{width}}  {with_interval(sets.single)}"
    return [*lines, f"{one}  of {number_of(sets.size)} in a set on average"]


def acquisition_lines(acquisition: AcquisitionResult) -> list[str]:
    """The same for each group of films that were taken alike, with the accuracy of all and of the answered films."""
    lines = ["-- by groups of films that were taken alike"] if acquisition.groups or acquisition.note else []
    for name, group in acquisition.groups.items():
        lines.append(f"{name}: {group.n:,} films of {group.patients:,} known patients; {group.described}")
        lines += [f"   {line}" for line in set_lines(group.sets)[1:]] if group.sets else []
        chosen = group.answered.accuracy if group.answered else None
        lines.append("   " + line_of("accuracy", group.accuracy, chosen))
        if group.answered:
            lines.append("   " + line_of("coverage", group.answered.coverage))
    return lines + ([f"   {acquisition.note}"] if acquisition.note else [])


def table_lines(title: str, groups: dict[str, ClassFigures] | dict[str, PairFigures]) -> list[str]:
    """A line for each class or pair, without intervals: those are in the report."""
    kinds = type(next(iter(groups.values()))).__struct_fields__
    width = max(len(name) for name in groups)
    lines = [f"-- {title}", " ".join((" " * width, *(f"{kind:>11}" for kind in kinds)))]
    for name, group in groups.items():
        values = [getattr(group, kind) for kind in kinds[:-1]]
        cells = ("–" if figure.value is None else f"{figure.value:.4f}" for figure in values)
        lines.append(" ".join((f"{name:<{width}}", *(f"{cell:>11}" for cell in cells), f"{group.n:>11}")))
    return lines
