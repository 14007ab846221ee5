"""`predictions.csv` as it grows: after Ctrl-C, a kill or a full disk it holds whole rows, and can be resumed."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from hilum.errors import LayoutError, RequestError
from hilum.files import open_regular
from hilum.records import (
    ADDED_COLUMNS,
    NOT_JUDGED,
    Film,
    Prediction,
    csv_bytes,
    prediction_cells,
    prediction_columns,
)

_COMPARED = (
    4  # of the rows that are there, the last so many are predicted again: was it this detector that wrote them?
)
_TOLERANCE = 0.01  # of a probability: what two machines may differ by, as for golden predictions


class PredictionsTable:
    """Appends rows to a CSV; each is on its way to the disk before the next one.

    Attributes:
        rows: that it holds.
        failed: of them, films that could not be read.
        stopped: of them, films that could be read and that the gate stopped.
        done: the paths of the films that it held when it was opened.
        last: the last rows that it held, as they stand there, to be compared with what a detector predicts now.
    """

    def __init__(self, path: Path, classes: tuple[str, ...], threshold: float | None, *, resume: bool) -> None:
        """Open a table: an empty one, or one that is resumed.

        Args:
            path: the CSV; its folder is made.
            classes: as `Predictions.classes`.
            threshold: as `Predictions.threshold`.
            resume: keep the rows that are there, and cut off half a row at the end.

        Raises:
            LayoutError: it holds something else than predictions of these classes at this threshold.
            OSError: it cannot be written.
        """
        self.path, self._classes, self._threshold = path, classes, threshold
        self.rows = self.failed = self.stopped = 0
        self.done: set[str] = set()
        self.last: list[dict[str, str]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._end = self._read() if resume and path.exists() else 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        os.ftruncate(self._file, self._end)
        os.lseek(self._file, self._end, os.SEEK_SET)
        if not self._end:
            self._write(csv_bytes([prediction_columns(classes)]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a device or a pipe can be neither cut nor synchronised
            os.ftruncate(self._file, self._end)
            os.fsync(self._file)
        os.close(self._file)

    def append(self, row: Prediction) -> None:
        """Add a row.

        Raises:
            RequestError: it cannot be written; the rows before it stand.
        """
        self._write(csv_bytes([prediction_cells(row, self._classes, self._threshold)]))
        self.rows += 1
        self.failed += bool(row.error)
        self.stopped += row.stopped

    def append_all(self, rows: Iterable[Prediction]) -> Iterator[Prediction]:
        """Yield rows, each after it was added.

        Raises:
            RequestError: a row cannot be written; the rows before it stand.
        """
        for row in rows:
            self.append(row)
            yield row

    def remaining(self, films: Sequence[Film]) -> list[Film]:
        """The films that have no row yet.

        Raises:
            LayoutError: it holds rows, and none of these films.
        """
        left = [film for film in films if film.path not in self.done]
        if self.done and len(left) == len(films):
            raise LayoutError(f"{self.path}: holds rows of other films alone; name another --out, or the same films")
        return left

    def require_same(self, again: Sequence[Prediction]) -> None:
        """Raise LayoutError where what a detector predicts of the films in `last` is not what stands there."""
        for row, before in zip(again, self.last, strict=True):
            if row.error or before["error"]:  # it could be read once and not the other time
                continue
            stored = [float(before[f"prob_{name}"]) for name in self._classes]
            difference = max(abs(prob - kept) for prob, kept in zip(row.probs, stored, strict=True))
            if not difference <= _TOLERANCE:
                raise LayoutError(
                    f"{self.path}: another detector wrote it: of {row.film.path} this one says {row.probs[-1]:.4f}, "
                    f"and the file {stored[-1]:.4f}; continue with that detector, or name another --out"
                )

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise RequestError(
                f"{self.path}: {error.strerror}; its {self.rows:,} rows are whole: free space, continue with --resume"
            ) from None
        self._end += len(data)

    def _read(self) -> int:
        """Take in the rows that are there; gives where the last whole one ends."""
        header = prediction_columns(self._classes)
        threshold = "" if self._threshold is None else f"{self._threshold:.6f}"
        end = 0
        for number, (row, end_of_row) in enumerate(_records(self.path)):
            if number == 0 and row == [name for name in header if name not in ADDED_COLUMNS]:
                raise LayoutError(
                    f"{self.path}: written by an earlier Hilum, without the columns {', '.join(ADDED_COLUMNS)}; name "
                    "another --out, and every film gets an answer"
                )
            if number == 0 and row != header:
                raise LayoutError(
                    f"{self.path}: holds no predictions of {', '.join(self._classes)}; name another --out"
                )
            if number and (len(row) != len(header)):
                raise LayoutError(f"{self.path}: row {number} is damaged; name another --out")
            end = end_of_row
            if not number:
                continue
            cells = dict(zip(header, row, strict=True))
            if cells["threshold"] != threshold:
                raise LayoutError(
                    f"{self.path}: another detector wrote it: the threshold there is {cells['threshold'] or 'none'}, "
                    f"and this one's {threshold or 'none'}; name another --out"
                )
            self.done.add(cells["path"])
            self.rows += 1
            self.failed += bool(cells["error"])
            self.stopped += cells["answer"] == NOT_JUDGED and not cells["error"]
            self.last = [*self.last[1 - _COMPARED :], cells]
        return end

    @property
    def last_films(self) -> list[Film]:
        """The films of `last`."""
        return [Film(cells["path"], cells["label"]) for cells in self.last]


def _records(path: Path) -> Iterator[tuple[list[str], int]]:
    """The whole rows of a CSV, also those with line feeds in a cell, and where each ends. Half a row is none."""
    place, quotes, lines = 0, 0, list[bytes]()
    with open_regular(path) as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            place += len(line)
            quotes += line.count(b'"')
            lines.append(line)
            if quotes % 2:
                continue
            text = b"".join(lines).decode("utf-8", "surrogateescape")
            quotes, lines = 0, []
            try:
                yield next(csv.reader(io.StringIO(text, newline=""))), place
            except (csv.Error, StopIteration):
                yield [], place
