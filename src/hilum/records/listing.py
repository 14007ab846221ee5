"""Small tables as plain text and as HTML: how records show themselves at a prompt and in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from hilum.records.text import one_line


class Row(Protocol):
    """Something that has a line in a table."""

    def cells(self) -> dict[str, str]:
        """The line: each column's heading and what stands there."""


R = TypeVar("R", bound=Row)


class Listing(tuple[R, ...], Generic[R]):
    """A tuple of named things that shows itself as a table."""

    def __repr__(self) -> str:
        return text_table(*self._table())

    def _repr_html_(self) -> str:
        return html_table(*self._table())

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = [item.cells() for item in self]
        return list(rows[0]) if rows else [], [list(row.values()) for row in rows]


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Columns side by side, without rules.

    >>> print(text_table(["film", "prob"], [["a.png", "0.9"], ["long name.png", "0.02"]], right=[1]))
    film           prob
    a.png           0.9
    long name.png  0.02

    Args:
        header: the columns' headings.
        rows: one cell a column each.
        right: the columns, by their place, that are set to the right, as numbers are.
    """
    lines = [[one_line(cell) for cell in line] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numeric = set(right)
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if place in numeric else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """The same as an HTML table; what stands in the cells is escaped."""
    numeric = set(right)

    def row(cells: Sequence[str], tag: str) -> str:
        styles = ["right" if place in numeric else "left" for place in range(len(cells))]
        return "".join(
            f'<{tag} style="text-align:{style}">{html.escape(cell)}</{tag}>'
            for cell, style in zip(cells, styles, strict=True)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f"<table><thead><tr>{row(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"
