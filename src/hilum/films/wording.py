"""How films, files and counts are written in messages of one line."""

from __future__ import annotations

from collections.abc import Iterable

from hilum.records.text import printable


def say(name: object) -> str:
    """A name for a message of one line, as `records.text.printable` writes it."""
    return printable(name)


def listed(names: Iterable[object], limit: int = 3) -> str:
    """The first names, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    everything = list(names)
    shown = ", ".join(say(name) for name in everything[:limit])
    return f"{shown} and {len(everything) - limit} more" if len(everything) > limit else shown


def count(number: int, noun: str) -> str:
    """A number with its noun in the singular or plural.

    >>> count(1, "film"), count(3, "copy"), count(2, "class")
    ('1 film', '3 copies', '2 classes')
    """
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith('ss') else 's'}"
