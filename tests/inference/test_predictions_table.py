"""A table of predictions that was left in the middle holds whole rows, and goes on by the same detector alone."""

from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import pytest

from hilum.errors import LayoutError, RequestError
from hilum.inference import PredictionsTable
from hilum.records import Film, Prediction, Predictions, read_predictions, write_predictions

CLASSES = ("NORMAL", "PNEUMONIA")
NAMES = ("a.png", "b c.png", "line\nfeed.png", "carriage\rreturn.png", 'quo"te,.png', "肺\udcff.png", "last.png")
ROWS = [
    Prediction(Film(name, "NORMAL"), error="damaged") if number == 1
    else Prediction(Film(name, "NORMAL", patient="p"), (1 - number / 10, number / 10), CLASSES[number > 4])
    for number, name in enumerate(NAMES)
]  # fmt: skip


def write(path: Path, rows: list[Prediction], *, resume: bool = False) -> PredictionsTable:
    with PredictionsTable(path, CLASSES, 0.5, resume=resume) as table:
        for row in rows:
            table.append(row)
    return table


def paths_in(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [row["path"] for row in csv.DictReader(file)]


def test_is_what_would_be_written_at_once(tmp_path: Path) -> None:
    write(tmp_path / "grown.csv", ROWS)
    write_predictions(Predictions(CLASSES, 0.5, tuple(ROWS)), tmp_path / "whole.csv")
    assert (tmp_path / "grown.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_wherever_it_was_cut_it_is_gone_on_with(tmp_path: Path) -> None:
    whole = tmp_path / "whole.csv"
    write(whole, ROWS)
    content = whole.read_bytes()
    for end in range(len(content) + 1):
        cut = tmp_path / "cut.csv"
        cut.write_bytes(content[:end])
        with PredictionsTable(cut, CLASSES, 0.5, resume=True) as table:
            assert table.rows == len(table.done) == len(table.last) + max(0, table.rows - 4)
            assert table.failed == sum(bool(row.error) for row in ROWS if row.film.path in table.done)
            for row in ROWS:
                if row.film.path not in table.done:
                    table.append(row)
        assert cut.read_bytes() == content


def test_every_row_is_there_before_the_next_one(tmp_path: Path) -> None:
    with PredictionsTable(tmp_path / "out.csv", CLASSES, 0.5, resume=False) as table:
        for number, row in enumerate(ROWS):
            assert paths_in(tmp_path / "out.csv") == list(NAMES[:number])
            table.append(row)


def test_without_resume_it_is_written_anew(tmp_path: Path) -> None:
    write(tmp_path / "out.csv", ROWS)
    assert write(tmp_path / "out.csv", ROWS[:1]).rows == 1
    assert paths_in(tmp_path / "out.csv") == list(NAMES[:1])


def test_nothing_to_resume_is_a_start(tmp_path: Path) -> None:
    write(tmp_path / "new" / "out.csv", ROWS, resume=True)
    assert read_predictions(tmp_path / "new" / "out.csv", CLASSES, 0.5).rows[0].film.path == "a.png"


def test_a_full_disk_leaves_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, room = os.write, [700]

    def filling(descriptor: int, data: bytes) -> int:
        written = min(len(data), room[0])
        room[0] -= written
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, bytes(data[:written]))

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(RequestError, match=r"No space left on device; its \d+ rows are whole: free space, continue"):
        write(tmp_path / "out.csv", ROWS * 3)
    monkeypatch.undo()
    left = paths_in(tmp_path / "out.csv")
    assert 0 < len(left) < len(ROWS * 3)
    assert (tmp_path / "out.csv").read_bytes().endswith(b"\n")
    assert write(tmp_path / "out.csv", [], resume=True).rows == len(left)


def test_another_table_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "out.csv", ROWS)
    before = (tmp_path / "out.csv").read_bytes()
    with pytest.raises(LayoutError, match="holds no predictions of cat, dog"):
        PredictionsTable(tmp_path / "out.csv", ("cat", "dog"), 0.5, resume=True)
    with pytest.raises(LayoutError, match=r"another detector wrote it: the threshold there is 0\.5"):
        PredictionsTable(tmp_path / "out.csv", CLASSES, 0.4, resume=True)
    assert (tmp_path / "out.csv").read_bytes() == before


def test_a_table_of_before_there_were_answers_is_refused_in_a_line_and_left_alone(tmp_path: Path) -> None:
    lines = ["path,label,prob_NORMAL,prob_PNEUMONIA,prediction,threshold,patient,split,plausible,flags,error"]
    (tmp_path / "out.csv").write_text("\n".join([*lines, "a.png,,0.9,0.1,NORMAL,0.500000,,,NORMAL,,"]) + "\n")
    before = (tmp_path / "out.csv").read_bytes()
    with pytest.raises(LayoutError, match="by an earlier Hilum, without the columns answer, why, remarks; name ano"):
        PredictionsTable(tmp_path / "out.csv", CLASSES, 0.5, resume=True)
    assert (tmp_path / "out.csv").read_bytes() == before


def test_what_the_gate_stopped_is_counted_also_in_what_was_there(tmp_path: Path) -> None:
    stopped = Prediction(Film("ct.png"), (0.1, 0.9), CLASSES[1], flags=("looks like noise",), answer="not judged")
    unread = Prediction(Film("no.png"), error="damaged", answer="not judged")
    table = write(tmp_path / "out.csv", [stopped, unread, ROWS[0]])
    assert (table.rows, table.failed, table.stopped) == (3, 1, 1)
    table = write(tmp_path / "out.csv", [stopped], resume=True)
    assert (table.rows, table.failed, table.stopped) == (4, 1, 2)


def test_rows_that_another_detector_wrote_are_noticed(tmp_path: Path) -> None:
    write(tmp_path / "out.csv", ROWS)
    with PredictionsTable(tmp_path / "out.csv", CLASSES, 0.5, resume=True) as table:
        assert [film.path for film in table.last_films] == list(NAMES[-4:])
        table.require_same(ROWS[-4:])
        near = [Prediction(row.film, (row.probs[0] + 0.004, row.probs[1] - 0.004)) for row in ROWS[-4:]]
        table.require_same(near)
        gone = [Prediction(row.film, error="no such file") for row in ROWS[-4:]]
        table.require_same(gone)
        far = [Prediction(row.film, (row.probs[0] + 0.02, row.probs[1] - 0.02)) for row in ROWS[-4:]]
        with pytest.raises(LayoutError, match=r"this one says 0\.2800, and the file 0\.3000"):
            table.require_same(far)
