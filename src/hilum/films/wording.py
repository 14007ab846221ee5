"""How films, files and counts are named in a line for a person."""

from __future__ import annotations

from collections.abc import Iterable


def say(name: object) -> str:
    """A name for a one-line message: as it is, or escaped where it holds a line break or what cannot be printed."""
    text = str(name)
    return text if text.isprintable() else repr(text)


def listed(names: Iterable[object], limit: int = 3) -> str:
    """The first names, and how many more there are: `a, b, c and 9 more`."""
    everything = list(names)
    shown = ", ".join(say(name) for name in everything[:limit])
    return f"{shown} and {len(everything) - limit} more" if len(everything) > limit else shown


def count(number: int, noun: str) -> str:
    """`1 film`, `3 films`; a noun in -y takes -ies, one in -ss takes -es."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith('ss') else 's'}"
