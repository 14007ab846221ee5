"""What is known of a public data set: by what its tables are recognised, and who reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from hilum.films.film_rows import FilmRows
from hilum.films.table_text import TextTable, read_table_file


@dataclass(frozen=True, slots=True)
class KnownDataSet:
    """A public data set.

    Attributes:
        name: as people know it.
        tables: the names of its tables, in lower case and without `.gz`.
        recognises: whether a table is one of its tables, by its columns.
        read: what a table says, together with those beside it.
        main: of several tables that read one another, those that are read; all if it is None.
    """

    name: str
    tables: re.Pattern[str]
    recognises: Callable[[TextTable], bool]
    read: Callable[[TextTable], FilmRows]
    main: re.Pattern[str] | None = None

    def leads(self, path: str) -> bool:
        """Whether a table is read for itself, and not by way of another one of its data set."""
        return self.main is None or self.main.match(os.path.basename(path).lower()) is not None


def file_next_to(table: str, pattern: str) -> str | None:
    """A file beside a table, by a regular expression for its name in lower case; the first by name."""
    folder = os.path.dirname(table)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return None
    return next((os.path.join(folder, name) for name in names if re.fullmatch(pattern, name.lower())), None)


def table_next_to(table: str, pattern: str) -> TextTable | None:
    """The table beside another one, or None.

    Raises:
        LayoutError: it is damaged.
    """
    path = file_next_to(table, pattern)
    return read_table_file(path) if path is not None else None


def sex_of(word: str) -> str:
    """`F` or `M` where a table writes the word; anything else as it is.

    >>> sex_of("Female"), sex_of("m"), sex_of("Unknown")
    ('F', 'M', 'Unknown')
    """
    return {"female": "F", "f": "F", "male": "M", "m": "M"}.get(word.strip().lower(), word.strip())
