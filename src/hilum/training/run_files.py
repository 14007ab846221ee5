"""The files of a run while it is trained: history, checkpoints, and the batch at which it failed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hilum.batches import Batch, BatchSource
from hilum.errors import RequestError
from hilum.files import write_text
from hilum.history import Row, read_history
from hilum.training.objective import Columns


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where the files of one run lie.

    Attributes:
        folder: the folder of the run.
    """

    folder: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        """The file from which the run is resumed."""
        return self.checkpoints / "last.safetensors"

    @property
    def kept_weights(self) -> Path:
        """The file with the weights that are kept."""
        return self.checkpoints / "kept.safetensors"

    @property
    def fingerprint(self) -> Path:
        """The file that records the recipe and the films that the run was started with."""
        return self.checkpoints / "fingerprint.json"

    @property
    def history(self) -> Path:
        """The table of the metrics, one row per epoch."""
        return self.folder / "history.csv"

    def weights_of(self, epoch: int) -> Path:
        """The file with the weights of one epoch, where every epoch's are kept."""
        return self.checkpoints / f"epoch-{epoch:04d}.safetensors"

    def delete_partial(self) -> None:
        """Delete what a killed run was writing among its checkpoints."""
        for unfinished in self.checkpoints.glob(".*"):
            unfinished.unlink()

    def read_history_until(self, epoch: int) -> list[Row]:
        """The rows of all epochs up to this one.

        Raises:
            RequestError: one of them is missing.
        """
        rows = [row for row in read_history(self.history) if row.get("epoch", 0) <= epoch]
        if [row.get("epoch") for row in rows] != list(range(1, epoch + 1)):
            raise RequestError(
                f"{self.history}: lacks some of the checkpoint's {epoch} epochs; restore the file, or start the run "
                "again"
            )
        return rows

    def report_failed_batch(self, output: Columns, batch: Batch, train: BatchSource, when: str) -> str:
        """Write the batch's films to `failed_batch.txt`, and return the message about its NaN or infinite loss."""
        names = [train.manifest.films[index].path for index in batch.indices]
        path = self.folder / "failed_batch.txt"
        write_text(path, "".join(f"{name}\n" for name in names))
        loss = float(output["losses"][~output["losses"].isfinite()][0])
        return f"the loss is {loss} in {when}, with {names[0]} and {len(names) - 1} other films (in {path})"
