"""`predictions.csv` as it grows: after Ctrl-C, a kill or a full disk it holds whole rows, and can be resumed.

One process writes a table. What is resumed keeps the rows of films that could be read; those of films that could not
be read are taken out, the file as a whole being replaced, before these films are read again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from hilum.errors import LayoutError, RequestError
from hilum.files import open_regular
from hilum.inference.table_rows import Span, rewrite, whole_rows
from hilum.locks import sole_writer
from hilum.records import (
    ADDED_COLUMNS,
    NOT_JUDGED,
    Film,
    Prediction,
    csv_bytes,
    prediction_cells,
    prediction_columns,
)
from hilum.records.csv_text import plain_cells
from hilum.streams import is_stream, open_stream, write_all

_COMPARED = (
    4  # of the rows that are there, the last so many are predicted again: was it this detector that wrote them?
)
_SAME = (
    1e-6  # the digits in the file: probabilities so close have one answer, if gate and prediction sets are the same
)
_TOLERANCE = 0.01  # of a probability: what two machines may differ by, as for golden predictions
_LONGEST_HEADER = 1 << 16  # bytes


class PredictionsTable:
    """Appends rows to a CSV; each is on its way to the disk before the next one.

    Attributes:
        rows: that it holds.
        failed: of them, films that could not be read.
        again: how many films could not be read before and are asked for again.
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
            LayoutError: it holds something else than predictions, or, to be resumed, than those of these classes at
                this threshold.
            RequestError: another process writes it, or it is to be resumed and is no file.
            OSError: it cannot be written.
        """
        self.path, self._classes, self._threshold = path, classes, threshold
        self.rows = self.failed = self.again = self.stopped = 0
        self.done: set[str] = set()
        self.last: list[dict[str, str]] = []
        self._unread: set[str] = set()  # of `done`, films that could not be read
        self._order: list[str] = []  # the path of each row
        self._asked: list[str] = []  # the paths of the films that are to have a row
        self._is_file = not is_stream(path)
        if resume and not self._is_file:
            raise RequestError(f"{path}: --resume goes on with a file, and this is none; name one, or omit --resume")
        with ExitStack() as held:
            held.enter_context(sole_writer(path))
            self._end = self._read() if resume and path.exists() else 0
            if self._is_file and not self._end:
                _require_replaceable(path)
            self._file = self._open()
            held.callback(self._close)
            if not self._end:
                self._write(csv_bytes([prediction_columns(classes)]))
            self._held = held.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._held:
            if self._is_file:
                with suppress(OSError):
                    os.ftruncate(self._file, self._end)
                    os.fsync(self._file)
                if kind is None:
                    self._require_there()
                    self._restore_order()

    def append(self, row: Prediction) -> None:
        """Add a row.

        Raises:
            RequestError: it cannot be written; the rows before it stand.
        """
        self._write(csv_bytes([prediction_cells(row, self._classes, self._threshold)]))
        self._order.append(row.film.path)
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
        """The films that have no row yet, and those that could not be read, whose rows are taken out.

        Raises:
            LayoutError: it holds rows, and none of these films.
            OSError: rows cannot be taken out; the table is as it was.
        """
        again = self._unread.intersection(film.path for film in films)
        left = [film for film in films if film.path not in self.done or film.path in again]
        if self.done and len(left) == len(films) and not again:
            raise LayoutError(f"{self.path}: holds rows of other films alone; name another --out, or the same films")
        self._asked = [film.path for film in films] if self.done else []
        self.again = len(again)
        if again:
            self._take_out(again)
        return left

    def require_same(self, again: Sequence[Prediction]) -> None:
        """Raise LayoutError where what a detector predicts of the films in `last` is not what stands there."""
        for row, before in zip(again, self.last, strict=True):
            if row.error or before["error"]:  # it could be read once and not the other time
                continue
            stored = [float(before[f"prob_{name}"]) for name in self._classes]
            difference = max(abs(prob - kept) for prob, kept in zip(row.probs, stored, strict=True))
            if difference <= _SAME and row.answer != before["answer"]:
                raise LayoutError(
                    f"{self.path}: another detector wrote it: of {row.film.path} this one says {row.answer}, and the "
                    f"file {before['answer'] or 'nothing'}; continue with that detector, or name another --out"
                )
            if not difference <= _TOLERANCE:
                raise LayoutError(
                    f"{self.path}: another detector wrote it: of {row.film.path} this one says {row.probs[-1]:.4f}, "
                    f"and the file {stored[-1]:.4f}; continue with that detector, or name another --out"
                )

    def _open(self) -> int:
        """Open the file behind its last whole row, or the stream; gives the descriptor."""
        if not self._is_file:
            return open_stream(self.path)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
        os.ftruncate(file, self._end)
        os.lseek(file, self._end, os.SEEK_SET)
        return file

    def _close(self) -> None:
        os.close(self._file)

    def _take_out(self, again: set[str]) -> None:
        """Replace the file by one without the rows of films that are read again."""
        header, spans, start = prediction_columns(self._classes), [], 0
        for row, end in whole_rows(self.path):
            cells = plain_cells(dict(zip(header, row, strict=True)))
            if not (cells["error"] and cells["path"] in again):
                spans.append((start, end))
            start = end
        left = len(self._order) + 1 - len(spans)
        self._rewrite(spans)
        self._order = [path for path in self._order if path not in again]
        self.rows -= left
        self.failed -= left

    def _restore_order(self) -> None:
        """Bring the rows of the films that were asked for into their order, as one run would have written them."""
        place_of = {path: place for place, path in enumerate(self._asked)}
        here = [number for number, path in enumerate(self._order) if path in place_of]
        wanted = sorted(here, key=lambda number: place_of[self._order[number]])
        if wanted == here:
            return
        ends = [end for _, end in whole_rows(self.path)]
        spans = list(zip([0, *ends], ends, strict=False))
        rows = spans[1:]
        for number, other in zip(here, wanted, strict=True):
            spans[number + 1] = rows[other]
        self._rewrite(spans)

    def _rewrite(self, spans: list[Span]) -> None:
        end = rewrite(self.path, spans)
        os.close(self._file)
        self._end = end
        self._file = self._open()

    def _require_there(self) -> None:
        """Raise RequestError where the rows went to a file that was removed or replaced meanwhile."""
        try:
            same = os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except OSError:
            same = False
        if not same:
            raise RequestError(
                f"{self.path}: was removed or replaced while it was written, and its {self.rows:,} rows with it; run "
                "the same command again"
            )

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._file, data)
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._is_file:
                raise OSError(error.errno or 0, error.strerror, str(self.path)) from None
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
        end, read = 0, set[str]()
        for number, (row, end_of_row) in enumerate(whole_rows(self.path)):
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
            cells = plain_cells(dict(zip(header, row, strict=True)))
            if cells["threshold"] != threshold:
                raise LayoutError(
                    f"{self.path}: another detector wrote it: the threshold there is {cells['threshold'] or 'none'}, "
                    f"and this one's {threshold or 'none'}; name another --out"
                )
            self.done.add(cells["path"])
            self._order.append(cells["path"])
            self.rows += 1
            if cells["error"]:
                self.failed += 1
                self._unread.add(cells["path"])
            else:
                read.add(cells["path"])
            self.stopped += cells["answer"] == NOT_JUDGED and not cells["error"]
            self.last = [*self.last[1 - _COMPARED :], cells]
        self._unread -= read
        return end

    @property
    def last_films(self) -> list[Film]:
        """The films of `last`."""
        return [Film(cells["path"], cells["label"]) for cells in self.last]


def _require_replaceable(path: Path) -> None:
    """Refuse to replace what is no table of predictions: a film, a manifest or a recipe that was named by mistake."""
    if not path.exists():
        return
    with open_regular(path) as file:
        start = file.readline(_LONGEST_HEADER)
    begun = b"path,label,prob_"  # as a full disk can have left it
    if not (begun.startswith(start) or (start.startswith(b"path,") and b",prob_" in start)):
        raise LayoutError(f"{path}: exists, and is no table of predictions; remove it, or name another --out")
