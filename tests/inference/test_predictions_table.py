"""A table of predictions that was left in the middle holds whole rows, and goes on by the same detector alone."""

from __future__ import annotations

import csv
import errno
import os
import random
import signal
import stat
import time
from pathlib import Path

import pytest

from hilum.errors import LayoutError, RequestError
from hilum.inference import PredictionsTable
from hilum.locks import sole_writer
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


@pytest.mark.slow
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


def test_rows_of_a_detector_with_other_prediction_sets_or_another_gate_are_noticed(tmp_path: Path) -> None:
    """Its probabilities are the same, and its answers are not."""
    row = Prediction(Film("a.png"), (0.3, 0.7), CLASSES[1], answer="PNEUMONIA", why="So.")
    write(tmp_path / "out.csv", [row])
    with PredictionsTable(tmp_path / "out.csv", CLASSES, 0.5, resume=True) as table:
        table.require_same([row])
        near = Prediction(row.film, (0.304, 0.696), CLASSES[1], answer="not sure")
        table.require_same([near])  # another machine, where the film lies on the other side of a limit
        with pytest.raises(LayoutError, match=r"of a\.png this one says not sure, and the file PNEUMONIA; continue"):
            table.require_same([Prediction(row.film, row.probs, CLASSES[1], answer="not sure")])


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


def test_films_that_could_not_be_read_are_tried_again_and_replace_their_rows(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    write(out, ROWS)
    cut = out.read_bytes()
    films = [row.film for row in ROWS]
    with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
        assert table.failed == 1
        assert [film.path for film in table.remaining(films)] == ["b c.png"]
        assert (table.rows, table.failed) == (len(ROWS) - 1, 0)
        assert paths_in(out) == [name for name in NAMES if name != "b c.png"]
        table.append(Prediction(films[1], (0.5, 0.5), "PNEUMONIA"))
    assert sorted(paths_in(out)) == sorted(NAMES)
    assert {len(line) for line in csv.reader(out.open(newline="", encoding="utf-8", errors="surrogateescape"))} == {
        len(cut.split(b"\n")[0].split(b","))
    }
    with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
        assert table.remaining(films) == []


def test_rows_of_films_that_are_not_asked_for_stay_failed_or_not(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    write(out, ROWS)
    before = out.read_bytes()
    with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
        assert table.remaining([ROWS[0].film]) == []
        assert table.failed == 1
    assert out.read_bytes() == before


def test_a_film_that_fails_again_has_one_row(tmp_path: Path) -> None:
    out, films = tmp_path / "out.csv", [row.film for row in ROWS]
    write(out, ROWS)
    for _ in range(2):
        with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
            for film in table.remaining(films):
                table.append(Prediction(film, error="still damaged"))
            assert (table.rows, table.failed) == (len(ROWS), 1)
    assert sorted(paths_in(out)) == sorted(NAMES)


def test_a_film_that_was_read_after_all_is_not_read_once_more(tmp_path: Path) -> None:
    """Two writers of an earlier version could leave both rows."""
    out = tmp_path / "out.csv"
    write(out, [*ROWS, Prediction(ROWS[1].film, (0.5, 0.5), "PNEUMONIA")])
    with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
        assert table.remaining([row.film for row in ROWS]) == []


def test_one_process_writes_a_table(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with PredictionsTable(out, CLASSES, 0.5, resume=False) as table:
        table.append(ROWS[0])
        for resume in (False, True):
            with pytest.raises(RequestError, match=rf"out\.csv: process {os.getpid()} on .* is writing it"):
                PredictionsTable(out, CLASSES, 0.5, resume=resume)
        table.append(ROWS[2])
    assert paths_in(out) == [NAMES[0], NAMES[2]]
    assert os.listdir(tmp_path) == ["out.csv"]
    with sole_writer(out):  # what another table held is free again, also after a refusal
        pass
    with pytest.raises(LayoutError):
        PredictionsTable(out, CLASSES, 0.4, resume=True)
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("how", ["removed", "replaced", "folder"])
def test_rows_that_went_nowhere_are_an_error(how: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.csv"

    def lose() -> None:
        with PredictionsTable(out, CLASSES, 0.5, resume=False) as table:
            table.append(ROWS[0])
            for path in out.parent.iterdir() if how == "folder" else [out]:
                path.unlink()
            if how == "replaced":
                out.write_text("mine")
            if how == "folder":
                out.parent.rmdir()

    with pytest.raises(RequestError, match="was removed or replaced while it was written, and its 1 rows with it"):
        lose()


def test_what_is_no_file_is_written_once_and_not_resumed(tmp_path: Path) -> None:
    write(Path("/dev/null"), ROWS)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(RequestError, match="--resume goes on with a file, and this is none"):
        write(Path("/dev/null"), ROWS, resume=True)
    with pytest.raises(RequestError, match="a file is written, and this is a folder"):
        write(tmp_path, ROWS)
    with pytest.raises(OSError, match="No space left") as raised:
        write(Path("/dev/full"), ROWS)
    assert raised.value.filename == "/dev/full"


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_until_every_film_has_one_row(tmp_path: Path) -> None:
    """Killed while rows are appended and while failed ones are taken out; no row that was read is ever lost."""
    out, draw = tmp_path / "out.csv", random.Random(7)
    films = [Film(f"{number}\n,{NAMES[number % len(NAMES)]}") for number in range(120)]

    def go_on(seed: int, failing: float) -> None:
        chance = random.Random(seed)
        with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
            for film in table.remaining(films):
                failed = chance.random() < failing
                table.append(
                    Prediction(film, error="damaged") if failed else Prediction(film, (0.5, 0.5), CLASSES[1])
                )

    read: set[str] = set()
    for _ in range(40):
        child = os.fork()
        if not child:
            while True:
                go_on(draw.randrange(1000), 0.6)
        time.sleep(draw.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if out.exists():
            with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
                assert len(table.done) == table.rows
                now = table.done - table._unread
            assert read <= now
            read = now
    assert read
    go_on(99, 0.0)
    assert sorted(paths_in(out)) == sorted(film.path for film in films)
    assert [row.error for row in read_predictions(out, CLASSES, 0.5)] == [""] * len(films)
    assert os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n\0", b"path,label,subtype,patient\na.png,NORMAL,,\n", b'name = "mine"\n', b"\n", b"\xff"],
)
def test_what_is_no_table_of_predictions_is_never_replaced(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    with pytest.raises(LayoutError, match="is no table of predictions; remove it, or name another --out"):
        PredictionsTable(path, CLASSES, 0.5, resume=False)
    assert path.read_bytes() == content
    for begun in (b"", b"path,la", b"path,label,prob_NORMAL,prob_PNEUMONIA,prediction\nx"):
        path.write_bytes(begun)
        with PredictionsTable(path, CLASSES, 0.5, resume=False):
            pass
        assert path.read_bytes().startswith(b"path,label,prob_NORMAL,prob_PNEUMONIA,prediction,")
