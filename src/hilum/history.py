"""`history.csv`: the metrics of each epoch, or of each choice that was compared for a detector, a row each."""

from __future__ import annotations

import csv
from pathlib import Path

from hilum.errors import RequestError
from hilum.files import open_text, replacing

Row = dict[str, float]


def write_history(path: Path, rows: list[Row]) -> None:
    """Write every row so far; the file is replaced whole, so that a reader never sees half a row.

    Rows may have different columns: a column comes where its first row has it, and is empty in rows without it.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})


def read_history(path: Path) -> list[Row]:
    """Read the rows of a `history.csv`; an empty list where there is no file yet.

    Raises:
        RequestError: it is damaged.
    """
    if not path.exists():
        return []
    try:
        with open_text(path) as file:
            return [
                {name: float(value) for name, value in row.items() if value != ""} for row in csv.DictReader(file)
            ]
    except (ValueError, TypeError) as error:
        raise RequestError(f"{path}: damaged ({error}); restore the file, or start the run again") from None
