"""TensorBoard events of a run, for the curious; `hilum.history` writes what people and programs read."""

from __future__ import annotations

from pathlib import Path

from hilum.history import Row


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
