"""From the findings that a table lists to the class of a film."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from hilum.films.class_names import ClassNames, fold, is_negative
from hilum.films.wording import listed, say

Uncertain = Literal["positive", "negative", "leave-out"]


@dataclass(frozen=True, slots=True)
class Findings:
    """Which findings make which class.

    A film is of a class if it has any of the class's findings. The class without findings (normal, healthy, negative,
    no finding) asks for more: a film of that class has no finding besides.

    Attributes:
        classes: a class, and the names of its findings.
        neutral: what a list of findings holds that is none, such as support devices.
    """

    classes: ClassNames
    neutral: tuple[str, ...] = ()

    def renamed(self, named: ClassNames) -> Findings:
        """The classes that the user names in place of these; the one without findings stays unless it is named."""
        if not named:
            return self
        kept = (
            {}
            if any(map(is_negative, named))
            else {name: of for name, of in self.classes.items() if is_negative(name)}
        )
        return Findings({**kept, **named}, self.neutral)

    def class_of(self, findings: Iterable[str], unsure: Iterable[str], choice: Uncertain) -> tuple[str, str]:
        """The class of a film, or empty and the reason why it has none.

        Args:
            findings: what the film shows.
            unsure: findings that the table calls uncertain.
            choice: whether those count as findings, as none, or leave the film without a class.
        """
        shown = {_folded(name) for name in findings if name}
        doubtful = {_folded(name) for name in unsure}
        if choice == "positive":
            shown |= doubtful
        names = {label: {_folded(label), *map(_folded, of)} for label, of in self.classes.items()}
        hits = [label for label, of in names.items() if of & shown]
        if choice == "leave-out":
            doubted = [label for label, of in names.items() if of & doubtful and label not in hits]
            if doubted and not any(not is_negative(label) for label in hits):
                return "", f"{listed(doubted)} is called uncertain; --uncertain positive or negative decides"
        if not hits:
            return "", self.neither if shown else "no finding is marked, not even that there is none"
        if len(hits) > 1:
            return "", f"findings of several classes: {listed(sorted(hits))}"
        others = shown - names[hits[0]] - set(map(_folded, self.neutral))
        if is_negative(hits[0]) and others:
            return "", f"{hits[0]} and a finding besides"
        return hits[0], ""

    @property
    def neither(self) -> str:
        """Why a film of other findings has no class."""
        names = [
            name for label, of in sorted(self.classes.items(), key=lambda item: is_negative(item[0])) for name in of
        ]
        if len(names) == 2:
            return f"neither {say(names[0])} nor {say(names[1])}"
        return f"none of {listed(names, 9)}"

    def in_words(self) -> str:
        """The classes and their findings, for a note."""
        return "; ".join(f"{say(label)} is {listed(of, 9)}" for label, of in self.classes.items())

    def of_classes_in(self, findings: Iterable[str]) -> list[str]:
        """All names of the classes that some of the findings belong to."""
        there = {_folded(name) for name in findings}
        return [name for of in self.classes.values() if there & set(map(_folded, of)) for name in of]

    def unmatched(self, findings: Iterable[str]) -> list[str]:
        """The names of findings that no film has; one for none is not asked for where films have the class's name."""
        there = {_folded(name) for name in findings}
        return [
            name
            for label, of in self.classes.items()
            for name in of
            if _folded(name) not in there and not (is_negative(name) and _folded(label) in there)
        ]


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return fold(name)


def as_list(cell: str) -> tuple[str, ...]:
    """The findings in a cell: separated by `|`, or a list as Python and JSON write it; else the cell is one finding.

    >>> as_list("Edema|Pneumonia"), as_list("['pneumonia', 'vertebral fracture']"), as_list("Normal")
    (('Edema', 'Pneumonia'), ('pneumonia', 'vertebral fracture'), ('Normal',))
    """
    cell = cell.strip()
    if cell.startswith("[") and cell.endswith("]"):
        try:
            inner = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            inner = cell[1:-1].split(",")
        return tuple(name for each in inner if (name := str(each).strip()))
    return tuple(name for part in cell.split("|") if (name := part.strip()))


def list_separator(cells: Sequence[str]) -> str:
    """What separates the findings in a column's cells: `|`, `[`, `;`, `,`, or empty where each cell is one label.

    A comma or a semicolon separates only if something that it separates stands alone in another cell too.
    """
    different = set(cells)
    if any("|" in cell for cell in different):
        return "|"
    if any(re.fullmatch(r"\[.*\]", cell, re.DOTALL) for cell in different):
        return "["
    for mark in ";,":
        parts = {part.strip() for cell in different if mark in cell for part in cell.split(mark)}
        if parts & different - {""}:
            return mark
    return ""


def marked(cells: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The findings of a row that has a column for each: those marked 1, and those marked -1, which is uncertain.

    >>> marked({"Edema": "1.0", "Pneumonia": "-1.0", "Fracture": "", "No Finding": "0"})
    (('Edema',), ('Pneumonia',))
    """
    values = {name: _mark(cell) for name, cell in cells.items()}
    return tuple(n for n, v in values.items() if v == 1), tuple(n for n, v in values.items() if v == -1)


@lru_cache(maxsize=256)
def _mark(cell: str) -> int:
    word = cell.strip().lower()
    if word in ("1", "1.0", "true", "yes"):
        return 1
    return -1 if word in ("-1", "-1.0") else 0


def is_mark(cell: str) -> bool:
    """Whether a cell can be the mark of a finding: empty, 0, 1 or -1."""
    return cell.strip().lower() in ("", "0", "1", "-1", "0.0", "1.0", "-1.0")


def most(votes: Counter[str]) -> str:
    """What more than half of the voters say, or empty."""
    total = votes.total()
    return next((name for name, number in votes.items() if 2 * number > total), "")
