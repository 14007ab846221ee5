"""`hilum predict`: one row a film, whatever the films are called and whatever they hold."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm


def test_one_film_with_the_shipped_bundle(hilum: Hilum, tmp_path: Path, write_film: WriteFilm) -> None:
    done = hilum("predict", write_film(tmp_path / "film.png", 1))
    assert done.returncode == 0, done.stderr
    header, row = csv.reader(done.stdout.splitlines())
    assert header == ["path", "prob_PNEUMONIA", "prediction"]
    assert row[0].endswith("film.png")
    assert 0 <= float(row[1]) <= 1
    assert "not a diagnosis" in done.stderr


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
