"""Text from outside cannot act on a terminal, a spreadsheet or a page, and reads back as it was."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hilum.inference import PredictionsTable
from hilum.records import Film, Manifest, Prediction, Predictions, read_manifest, read_predictions, write_manifest
from hilum.records.csv_text import path_cell, path_of, text_cell, text_of
from hilum.records.predictions import write_predictions
from hilum.records.text import markdown, one_line, printable

CLASSES = ("NORMAL", "PNEUMONIA")
STARTS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
    "./=1",
    "\\=1",
    "\\\\@a",
]
RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

texts = st.one_of(st.text(max_size=12), st.builds(str.__add__, st.sampled_from(STARTS), st.text(max_size=6)))
names = texts.map(lambda text: text.replace("/", "").replace("\0", "")).filter(lambda text: text.strip(". "))
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def is_number(cell: str) -> bool:
    try:
        return bool(float(cell)) or True
    except ValueError:
        return False


@given(texts)
@settings(max_examples=300)
@example("-17")
@example("+5e3")
@example("././=x")
def test_a_cell_is_not_executed_and_reads_back(text: str) -> None:
    for write, read in ((path_cell, path_of), (text_cell, text_of)):
        cell = write(text)
        assert not cell.startswith(RUN) or is_number(cell)
        assert read(cell) == text
        assert cell == text or (text.lstrip("./\\").startswith(RUN) and cell.endswith(text))


@pytest.mark.parametrize("start", STARTS)
def test_a_path_stays_the_same_file(start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = start.replace("/", "")
    Path(name).write_text("film")
    assert Path(path_cell(name)).read_text() == "film"


@quick
@given(path=names, label=texts, patient=texts, split=texts)
def test_a_manifest_has_no_formula_and_reads_back(
    path: str, label: str, patient: str, split: str, tmp_path: Path
) -> None:
    films = (Film(str(tmp_path / path), label, patient=patient, split=split),)
    write_manifest(Manifest(films), tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(RUN) and not is_number(cell)]
    assert read_manifest(tmp_path / "m.csv").films == films


@quick
@given(path=names, label=texts, patient=texts, error=texts)
def test_predictions_have_no_formula_and_read_back_and_are_resumed(
    path: str, label: str, patient: str, error: str, tmp_path: Path
) -> None:
    films = Film(path, label, patient=patient), Film("last.png", label, patient=patient)
    rows = Prediction(films[0], (0.25, 0.75), "PNEUMONIA"), Prediction(films[1], error=error or "damaged")
    out = tmp_path / "p.csv"
    write_predictions(Predictions(CLASSES, 0.5, rows), out)
    with out.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith(RUN) and not is_number(cell)]
    read = read_predictions(out, CLASSES, 0.5).rows
    assert [(row.film, row.probs, row.error) for row in read] == [(row.film, row.probs, row.error) for row in rows]
    with PredictionsTable(out, CLASSES, 0.5, resume=True) as table:
        assert table.remaining([films[0]]) == []
        assert table.last_films[0].path == path


@given(st.text(max_size=40))
def test_what_is_shown_is_on_one_line_and_nothing_in_it_acts(text: str) -> None:
    for shown in (printable(text), one_line(text), markdown(text)):
        assert len(shown.splitlines()) <= 1
        assert not [letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    if text.isprintable():
        assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\nhilum: all is well", r"a\nhilum: all is well"),
        ("gnp.\u202exe", r"gnp.\u202exe"),
        ("\x9b2J", r"\x9b2J"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("not \udcff unicode", r"not \udcff unicode"),
        ("肺 ä\u3000.png", "肺 ä\u3000.png"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
