"""`hilum predict`: one row a film, whatever the films are called and whatever they hold."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from hilum.inference import Detector
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm
from tests.waiting import wait_until


def test_one_film_with_the_shipped_bundle(hilum: Hilum, tmp_path: Path, write_film: WriteFilm) -> None:
    done = hilum("predict", write_film(tmp_path / "film.png", 1))
    assert done.returncode == 0, done.stderr
    header, row = csv.reader(done.stdout.splitlines())
    assert header == ["path", "answer", "prob_PNEUMONIA", "threshold", "why", "remarks"]
    assert row[0].endswith("film.png")
    assert row[1] in ("NORMAL", "PNEUMONIA", "not sure", "not judged")
    assert 0 <= float(row[2]) <= 1
    assert row[3] == f"{Detector().threshold():.4f}"
    assert row[4].endswith(".")
    assert f"answers: 1 {row[1]}" in done.stderr
    assert "not a diagnosis" in done.stderr
    assert hilum("predict", "shipped", tmp_path / "film.png").stdout == done.stdout


def test_a_film_that_the_gate_stops_ends_a_strict_run_as_an_unreadable_one_does(hilum: Hilum, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256)).astype(np.uint8)
    assert cv2.imwrite(str(tmp_path / "noise.png"), noise)
    plain = hilum("predict", "shipped", "noise.png")
    assert plain.returncode == 0, plain.stderr
    (row,) = csv.DictReader(plain.stdout.splitlines())
    assert row["answer"] == "not judged"
    assert row["why"].endswith("it looks like noise.")
    assert 0 <= float(row["prob_PNEUMONIA"]) <= 1, "a probability stays, marked by the answer"
    assert "answers: 1 not judged" in plain.stderr
    assert hilum("predict", "shipped", "noise.png", "--strict").returncode == 1
    assert hilum("predict", "shipped", "noise.png", "--strict", "--out", "out.csv").returncode == 1
    resumed = hilum("predict", "shipped", "noise.png", "--strict", "--out", "out.csv", "--resume")
    assert resumed.returncode == 1, "also of what the table holds already"
    (cells,) = csv.DictReader((tmp_path / "out.csv").open())
    assert (cells["answer"], cells["why"]) == ("not judged", row["why"])
    (kept,) = json.loads(hilum("predict", "shipped", "noise.png", "--json").stdout)
    assert (kept["answer"], kept["why"], kept["remarks"]) == ("not judged", row["why"], [])


def test_strict_changes_nothing_where_every_film_passes(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    write_film(tmp_path / "film.png", 1)
    done = hilum("predict", tiny_bundle, "film.png", "--strict")
    assert done.returncode == 0, done.stderr
    assert "note: This bundle has no gate: films that it was not made for are answered too." in done.stderr
    assert "no gate that could say" in done.stdout


def test_hostile_names_survive(hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm) -> None:
    names = ["a b.png", "naïve-film.png", "line\nbreak.png", 'comma,quote".png', "肺.png"]
    for number, name in enumerate(names):
        write_film(tmp_path / "in" / f"{number}.png", number).rename(tmp_path / "in" / name)
    done = hilum("predict", tiny_bundle, "in", "--out", "out.csv")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        assert sorted(Path(row["path"]).name for row in csv.DictReader(file)) == sorted(names)


def test_films_that_cannot_be_read_are_named_and_the_others_answered(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    write_film(tmp_path / "in" / "good.png", 1)
    (tmp_path / "in" / "text.png").write_text("not a film")
    (tmp_path / "in" / "empty.jpg").write_bytes(b"")
    done = hilum("predict", tiny_bundle, "in", "--json")
    assert done.returncode == 1
    rows = {Path(str(row["path"])).name: row for row in json.loads(done.stdout)}
    assert rows["good.png"]["error"] == ""
    assert rows["text.png"]["error"]
    assert rows["empty.jpg"]["error"]
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_refused(hilum: Hilum, tiny_bundle: Path) -> None:
    assert "nowhere.png" in refusal(hilum("predict", tiny_bundle, "nowhere.png"), 2)


def test_a_bundle_without_films_is_refused(hilum: Hilum, tiny_bundle: Path) -> None:
    assert "name films" in refusal(hilum("predict", tiny_bundle), 2)


def test_a_bundle_with_a_changed_byte_is_refused(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "changed")
    with (tmp_path / "changed" / "model.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"\xff\x00\xff")
    done = hilum("predict", "changed", write_film(tmp_path / "film.png", 1))
    assert "model.onnx: changed after it was written" in refusal(done, 2)


def test_another_engine_by_name_and_a_wrong_name(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    film = write_film(tmp_path / "film.png", 1)
    assert "ONNX Runtime has no bfloat16" in refusal(
        hilum("predict", tiny_bundle, film, "--precision", "bfloat16"), 2
    )
    assert "has no int8 network; make one with" in refusal(
        hilum("predict", tiny_bundle, film, "--precision", "int8"), 2
    )
    wrong = hilum("predict", tiny_bundle, film, "--precision", "int7")
    assert wrong.returncode == 2
    assert "'int7' is not one of 'float32', 'bfloat16', 'int8', 'auto'" in " ".join(wrong.stderr.split())
    pytest.importorskip("openvino")
    plain, other = (hilum("predict", tiny_bundle, film, "--engine", name) for name in ("onnx", "openvino"))
    assert other.returncode == 0, other.stderr
    assert other.stdout == plain.stdout


SLOWLY = """
import signal, sys, time
from hilum.inference import detector
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
read = detector.read_square
def slow(*arguments):
    time.sleep(0.1)
    return read(*arguments)
detector.read_square = slow
from hilum.cli import main
main()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_stopped_is_gone_on_with(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm, how: signal.Signals
) -> None:
    for number in range(120):
        write_film(tmp_path / "in" / f"{number:03d}.png", number % 7)
    (tmp_path / "in" / "000.png").write_bytes(b"no film")
    arguments = ["predict", str(tiny_bundle), "in", "--out", "out.csv"]
    run = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    out = tmp_path / "out.csv"
    wait_until(lambda: out.exists() and out.read_bytes().count(b"\n") > 10)
    run.send_signal(how)
    said = run.communicate()[1]
    with out.open(newline="") as file:
        left = len(list(csv.DictReader(file)))
    assert 9 <= left < 120
    if how == signal.SIGINT:
        assert run.returncode == 2
        assert said.splitlines()[-1] == f"hilum: stopped; out.csv holds {left} whole rows: continue with --resume"
    out.write_bytes(out.read_bytes()[:-3])  # and the last row was half written

    resumed = hilum(*arguments, "--resume")
    assert resumed.returncode == 1, resumed.stderr  # the film that is none was named by the run before
    assert f"out.csv: {left - 1} of 120 films are there already" in resumed.stderr
    at_once = hilum(*arguments[:-1], "at_once.csv")
    assert at_once.returncode == 1
    assert (tmp_path / "at_once.csv").read_bytes() == out.read_bytes()


def test_going_on_needs_the_same_detector_and_the_same_films(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    for number in range(3):
        write_film(tmp_path / "in" / f"{number}.png", number)
    write_film(tmp_path / "others" / "film.png", 1)
    assert "name it with --out" in refusal(hilum("predict", tiny_bundle, "in", "--resume"), 2)
    assert hilum("predict", tiny_bundle, "in", "--out", "out.csv").returncode == 0
    before = (tmp_path / "out.csv").read_bytes()
    shipped = hilum("predict", "in", "--out", "out.csv", "--resume")
    assert "another detector wrote it" in refusal(shipped, 2)
    others = hilum("predict", tiny_bundle, "others", "--out", "out.csv", "--resume")
    assert "rows of other films alone" in refusal(others, 2)
    assert hilum("predict", tiny_bundle, "in", "--out", "out.csv", "--resume").returncode == 0
    assert (tmp_path / "out.csv").read_bytes() == before
