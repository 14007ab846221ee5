"""What each epoch gave: `history.csv` for people and programs, TensorBoard events for the curious."""

from __future__ import annotations

import csv
from pathlib import Path

from hilum.errors import RequestError
from hilum.files import replacing

Row = dict[str, float]


def write_history(path: Path, rows: list[Row]) -> None:
    """Write every row so far; the file is replaced whole, so that a reader never meets half a row."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})


def read_history(path: Path) -> list[Row]:
    """Read the rows of a `history.csv`; none where there is no file yet.

    Raises:
        RequestError: it is damaged.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    except (ValueError, TypeError) as error:
        raise RequestError(f"{path}: damaged ({error}); put it back as it was, or start the run again") from None


class Events:
    """TensorBoard event files of one run: `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path, resumed_after: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        # Epochs that a killed run wrote after its last checkpoint are purged.
        purge = resumed_after + 1 if resumed_after else None
        self._writer = SummaryWriter(str(folder), purge_step=purge)

    def add(self, row: Row) -> None:
        """Add one epoch."""
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
