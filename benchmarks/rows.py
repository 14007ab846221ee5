"""What a benchmark gives: rates of one piece of work by several systems, the machine's limit for it, and a target."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Target:
    """What a row is held to.

    Attributes:
        bound: of the ratio or of the value itself.
        against: the system whose values the row's are divided by, round by round; empty takes the row's own values.
        at_most: whether less is better.
    """

    bound: float
    against: str = ""
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One system at one piece of work.

    Attributes:
        work: what is done; rows of the same work are compared.
        system: who does it.
        values: one a round; systems take turns, so that a round of all of them saw the same machine.
        unit: of the values.
        targets: what they are held to.
        limit: the unit of work that the machine's limit is given in, and how much of it one of the row's takes:
            ("convolution, bfloat16", 0.95) for 0.95 GFLOP a film.
        note: in what way, in a few words.
    """

    work: str
    system: str
    values: tuple[float, ...]
    unit: str = "films/s"
    targets: tuple[Target, ...] = ()
    limit: tuple[str, float] | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what came out: the median over the rounds, and their spread."""

    row: Row
    target: Target
    value: float
    low: float
    high: float

    @property
    def met(self) -> bool:
        """Whether the median reaches the bound."""
        return self.value <= self.target.bound if self.target.at_most else self.value >= self.target.bound

    def in_words(self) -> str:
        """Met, or by how much not."""
        if self.met:
            return "met"
        way = "more" if self.target.at_most else "less"
        return f"not met: {abs(self.value / self.target.bound - 1):.0%} {way}"


def in_turn(rates: Mapping[str, Callable[[], float]]) -> dict[str, tuple[float, ...]]:
    """Each system's rates, one a round, after all have warmed up: a round of all of them saw the same machine."""
    for rate in rates.values():
        rate()
    rounds = [{name: rate() for name, rate in rates.items()} for _ in range(ROUNDS)]
    return {name: tuple(each[name] for each in rounds) for name in rates}


def verdicts(rows: list[Row]) -> list[Verdict]:
    """Hold every row to its targets.

    Raises:
        KeyError: a target is against a system that did not do the work.
    """
    by_name = {(row.work, row.system): row for row in rows}
    found = []
    for row in rows:
        for target in row.targets:
            values = row.values
            if target.against:
                others = by_name[row.work, target.against].values
                values = tuple(mine / theirs for mine, theirs in zip(row.values, others, strict=True))
            found.append(Verdict(row, target, statistics.median(values), min(values), max(values)))
    return found


def share_of_limit(row: Row, limits: list[Row]) -> float | None:
    """How much of what the machine can do a row reaches; None where it names none that was measured."""
    if row.limit is None:
        return None
    name, needed = row.limit
    limit = next((limit for limit in limits if limit.system == name), None)
    return None if limit is None else row.median * needed / limit.median
