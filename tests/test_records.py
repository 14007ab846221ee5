from __future__ import annotations

import csv
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import LayoutError
from hilum.records import (
    Film,
    Manifest,
    Prediction,
    Predictions,
    read_manifest,
    read_predictions,
    write_manifest,
    write_predictions,
)

FILMS = Manifest(
    (
        Film("a.png", label="NORMAL", split="train"),
        Film("b.png", label="PNEUMONIA", subtype="virus", patient="p2", split="val", sha256="0" * 64, view="PA"),
        Film("c.png"),
    )
)

# Names that a POSIX file system can hold, also those whose bytes are not UTF-8 (lone surrogates in Python).
_CHARACTERS = st.characters(codec="utf-8", exclude_characters="/\0") | st.sampled_from('\udc80\udcff\n\r",; ')
file_names = st.text(_CHARACTERS, min_size=1, max_size=60).filter(lambda name: name not in (".", ".."))
# What was written as an escape of bytes that are UTF-8 after all reads back as the character.
file_names = file_names.map(lambda name: os.fsdecode(os.fsencode(name)))


def test_a_manifest_selects_by_split() -> None:
    assert [film.path for film in FILMS.split("train")] == ["a.png"]
    assert len(FILMS.split("all")) == 3
    assert FILMS.labels == ("NORMAL", "PNEUMONIA")
    assert [film.path for film in FILMS.where(lambda film: not film.label)] == ["c.png"]


def test_a_split_without_films_is_refused_and_the_present_ones_named() -> None:
    with pytest.raises(LayoutError, match=r"'test'.*train, val"):
        FILMS.split("test")
    with pytest.raises(LayoutError, match="--split all"):
        FILMS.where(lambda film: not film.split).split("val")


def test_a_films_class_can_be_its_subtype_where_it_has_one() -> None:
    by_cause = FILMS.labelled_by("subtype")
    assert [film.label for film in by_cause] == ["NORMAL", "virus", ""]
    assert [film.subtype for film in by_cause] == ["", "virus", ""]
    assert by_cause.labelled_by("subtype") == by_cause
    assert FILMS.labelled_by("label") == FILMS


def test_a_manifest_reads_back_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(FILMS, Path("manifest.csv"))
    assert read_manifest(Path("manifest.csv")) == FILMS


def test_a_manifest_of_before_sites_were_kept_is_read(tmp_path: Path) -> None:
    write_manifest(Manifest((Film("a.png", site="north"),)), tmp_path / "m.csv")
    lines = [line.rpartition(",")[0] for line in (tmp_path / "m.csv").read_text().splitlines()]
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    (film,) = read_manifest(tmp_path / "m.csv").films
    assert film.site == ""


def test_a_manifest_moves_with_its_films(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    write_manifest(Manifest((Film(str(here / "films" / "a.png")),)), here / "manifest.csv")
    here.rename(there)
    assert read_manifest(there / "manifest.csv").films[0].path == str(there / "films" / "a.png")


@given(names=st.lists(file_names, min_size=1, max_size=5))
def test_any_file_name_survives_the_manifest(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        films = Manifest(tuple(Film(os.path.join(folder, name), patient=name) for name in names))
        write_manifest(films, Path(folder) / "out" / "manifest.csv")
        assert read_manifest(Path(folder) / "out" / "manifest.csv") == films


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\na.png,NORMAL\n", "not a Hilum manifest"),
        ("", "not a Hilum manifest"),
        ("path,label,subtype,patient,split,sha256,view,age,sex\na.png,NORMAL\n", "line 2"),
        ("path,label,subtype,patient,split,sha256,view,age,sex\na,,,,,,,,,,\n", "line 2"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(LayoutError, match=says):
        read_manifest(tmp_path / "m.csv")


def test_a_missing_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="hilum index"):
        read_manifest(tmp_path / "none.csv")


def test_predictions_have_a_row_for_every_film_also_the_failed(tmp_path: Path) -> None:
    film = FILMS.films[1]
    rows = (
        Prediction(film, probs=(0.25, 0.75), prediction="PNEUMONIA"),
        Prediction(replace(film, path="bad\nname.png"), error="empty"),
    )
    predictions = Predictions(("NORMAL", "PNEUMONIA"), 0.5, rows)
    write_predictions(predictions, tmp_path / "out" / "predictions.csv")
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        good, bad = list(csv.DictReader(file))
    assert list(good) == [
        "path", "label", "prob_NORMAL", "prob_PNEUMONIA", "prediction", "threshold", "patient", "split",
            "plausible", "flags", "error", "answer", "why", "remarks",
    ]  # fmt: skip
    assert (good["prob_PNEUMONIA"], good["prediction"], good["error"]) == ("0.750000", "PNEUMONIA", "")
    assert (bad["path"], bad["prob_PNEUMONIA"], bad["prediction"], bad["error"]) == ("bad\nname.png", "", "", "empty")
    assert predictions.failed == (rows[1],)


def test_what_the_columns_hold_is_what_dictionaries_hold(tmp_path: Path) -> None:
    row = Prediction(
        FILMS.films[1], (0.25, 0.75), "PNEUMONIA", "", (9, 9), ("NORMAL", "PNEUMONIA"), ("no lungs found",),
        ("a few pixels were far outside the scale", "the first of 2 pictures"), "not sure", "Both are plausible.",
    )  # fmt: skip
    predictions = Predictions(("NORMAL", "PNEUMONIA"), 0.5, (row,))
    write_predictions(predictions, tmp_path / "p.csv")
    (written,) = csv.DictReader((tmp_path / "p.csv").open(newline=""))
    (kept,) = predictions.to_dicts()
    assert list(written) == list(kept) == list(predictions.to_columns())
    assert (written["answer"], written["why"]) == (kept["answer"], kept["why"]) == ("not sure", "Both are plausible.")
    assert written["remarks"].split("; ") == kept["remarks"] == list(row.remarks)
    assert read_predictions(tmp_path / "p.csv", predictions.classes, 0.5).rows[0].answer == "not sure"
    shown = repr(predictions).splitlines()[1]
    for text in ("not sure", "0.750", "Both are plausible.", "no lungs found; a few pixels were far outside"):
        assert text in shown


def test_a_table_of_before_there_were_answers_is_read(tmp_path: Path) -> None:
    text = "path,label,prob_A,prob_B,prediction,threshold,patient,split,plausible,flags,error\n"
    (tmp_path / "p.csv").write_text(text + "a.png,A,0.9,0.1,A,0.5,p,test,A,,\n")
    (row,) = read_predictions(tmp_path / "p.csv", ("A", "B"), 0.5)
    assert (row.prediction, row.probs, row.answer, row.why, row.answered) == ("A", (0.9, 0.1), "", "", False)


def test_without_a_threshold_its_cell_is_empty(tmp_path: Path) -> None:
    row = Prediction(FILMS.films[1], probs=(0.2, 0.3, 0.5), prediction="virus")
    write_predictions(Predictions(("NORMAL", "bacteria", "virus"), None, (row,)), tmp_path / "predictions.csv")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        (written,) = csv.DictReader(file)
    assert [written[f"prob_{name}"] for name in ("NORMAL", "bacteria", "virus")] == [
        "0.200000",
        "0.300000",
        "0.500000",
    ]
    assert (written["prediction"], written["threshold"]) == ("virus", "")
