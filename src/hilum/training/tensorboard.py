"""TensorBoard events of a run; `hilum.history` writes the table that people and programs read."""

from __future__ import annotations

from pathlib import Path

from hilum.history import Row


class TensorBoardLog:
    """TensorBoard event files of one run: `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path, resumed_after: int) -> None:
        """Open the log.

        Args:
            folder: the folder of the event files.
            resumed_after: the epoch after which the run is resumed; 0 for a new run.
        """
        from torch.utils.tensorboard.writer import SummaryWriter

        # Epochs that a killed run logged after its last checkpoint are purged.
        purge = resumed_after + 1 if resumed_after else None
        self._writer = SummaryWriter(str(folder), purge_step=purge)

    def add(self, row: Row) -> None:
        """Log the metrics of one epoch."""
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()
