"""`hilum evaluate` and `hilum predict` with a bundle of three classes, on the folder that everybody has."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from hilum.bundle.seal import data_fingerprint
from hilum.evaluation import at_prevalence, evaluate_predictions
from hilum.records import Film, Manifest, Prediction, Predictions
from hilum.workflows.seen_films import notes_on_training
from tests.bundle.conftest import THREE, make_three
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder, WriteFilm
from tests.evaluation.conftest import CLASSES, made_up, made_up_spec, made_up_three

COUNTS = {"test": {"normal": 6, "bacteria": 6, "virus": 6}}


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_three(tmp_path_factory.mktemp("cli") / "three").folder


def test_causes_are_read_from_the_ordinary_folder(
    hilum: Hilum, three: Path, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    done = hilum("evaluate", three, "--data", chest_folder(COUNTS), "--split", "test", "--out", "out", "--shifts")
    assert done.returncode == 0, done.stderr
    assert "threshold" not in done.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {name: group["n"] for name, group in metrics["per_class"].items()} == dict.fromkeys(THREE, 6)
    assert metrics["shifted"]["auroc_mean"]["value"] is not None
    assert "bacteria against NORMAL" in (tmp_path / "out" / "report.html").read_text()
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == set(THREE)
    assert {row["threshold"] for row in rows} == {""}
    assert all(
        float(row[f"prob_{row['prediction']}"]) == max(float(row[f"prob_{name}"]) for name in THREE) for row in rows
    )


def test_a_film_whose_cause_nobody_knows_is_refused_by_its_label(
    hilum: Hilum, three: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    for number, label in enumerate(("NORMAL", "PNEUMONIA")):
        write_film(tmp_path / "films" / label / f"{number}.png", number)
    done = hilum("evaluate", three, "--data", "films", "--split", "all", "--out", "out")
    assert "knows NORMAL, bacteria and virus, and these films are labelled 'PNEUMONIA' (1 film)" in refusal(done, 2)
    assert not (tmp_path / "out").exists()


def test_a_prevalence_of_three_classes_is_refused_before_a_film_is_read(
    hilum: Hilum, three: Path, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    done = hilum("evaluate", three, "--data", chest_folder(COUNTS), "--out", "out", "--prevalence", 0.1)
    assert "--prevalence is the share of the positive ones of two classes" in refusal(done, 2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", ["0", "1", "nan"])
def test_a_prevalence_at_which_a_call_says_nothing_is_refused(hilum: Hilum, three: Path, share: str) -> None:
    done = hilum("evaluate", three, "--data", "films", "--out", "out", "--prevalence", share)
    assert done.returncode == 2
    assert "--prevalence" in done.stderr


def test_predicting_shows_every_class(hilum: Hilum, three: Path, tmp_path: Path, write_film: WriteFilm) -> None:
    write_film(tmp_path / "in" / "film.png", 1)
    (tmp_path / "in" / "text.png").write_text("not a film")
    done = hilum("predict", three, "in")
    header, film, text = csv.reader(done.stdout.splitlines())
    assert header == ["path", "answer", "prob_NORMAL", "prob_bacteria", "prob_virus", "threshold", "why", "remarks"]
    assert sum(map(float, film[2:5])) == pytest.approx(1, abs=2e-4)
    assert film[1] in (*THREE, "not sure", "not judged")
    assert film[5] == "", "of three classes no threshold decides"
    assert text[1:6] == ["not judged", "", "", "", ""]
    assert text[6].startswith("It could not be read: a text file")
    first = json.loads(hilum("predict", three, "in", "--json").stdout)[0]
    assert (set(first) >= {f"prob_{name}" for name in THREE}, first["threshold"]) == (True, None)


def test_the_table_of_three_classes_shows_each_and_each_pair() -> None:
    text = str(structs.replace(evaluate_predictions(made_up_three(60), resamples=20), split="test"))
    lines = text.splitlines()
    assert lines[0] == "60 films of 30 known patients, split test"
    assert any(line.split() == ["auroc", "sensitivity", "specificity", "precision", "f1", "n"] for line in lines)
    assert any(line.startswith("bacteria|virus  ") and line.endswith("40") for line in lines)
    only_normal = tuple(row for row in made_up_three(60) if row.film.label == "NORMAL")
    alone = evaluate_predictions(Predictions(THREE, None, only_normal), resamples=0)
    assert "auroc           not defined" in str(alone)


def test_the_table_of_two_classes_has_no_such_lines() -> None:
    text = str(evaluate_predictions(made_up(60), resamples=20))
    assert len(text.partition("-- keep in mind")[0].splitlines()) == 10


def test_a_perfect_figure_of_few_films_is_not_shown_without_what_to_keep_in_mind() -> None:
    rows = tuple(
        Prediction(Film(f"{number}", label), (1 - prob, prob))
        for number, (label, prob) in enumerate([("NORMAL", 0.1)] * 5 + [("PNEUMONIA", 0.9)] * 5)
    )
    text = str(evaluate_predictions(Predictions(CLASSES, 0.5, rows)))
    assert "Only 5 films labelled PNEUMONIA" in text
    assert "No patient is known" in text
    assert "No interval for AUROC, " in text
    assert "average_precision" not in text


def test_films_that_a_detector_was_made_from_are_said_to_be() -> None:
    films = Manifest(
        tuple(Film(f"{n}", CLASSES[n % 2], split=("train", "val")[n // 4], sha256=f"{n}") for n in range(8))
    )
    spec = msgspec.structs.replace(made_up_spec(), data_fingerprint=data_fingerprint(films))
    for split, words in (
        ("train", "trained on these films"),
        ("all", "trained on these films"),
        ("val", "were chosen on these films"),
    ):
        assert words in " ".join(notes_on_training(spec, Path("bundle"), films, split))
    assert notes_on_training(spec, Path("bundle"), films, "test") == []
    others = films.where(lambda film: film.path != "3")
    assert notes_on_training(spec, Path("bundle"), others, "train") == []


def test_what_a_call_is_worth_elsewhere_stands_in_the_table() -> None:
    metrics = evaluate_predictions(made_up(60), resamples=0)
    text = str(structs.replace(metrics, at_prevalence=at_prevalence(made_up(60), 0.05, resamples=0)))
    assert "where 5.0% of films are PNEUMONIA" in text
    assert "predictive values where" in text


def test_the_report_tells_what_is_wrong_with_the_films_of_all_splits(
    hilum: Hilum, three: Path, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    folder = chest_folder({**COUNTS, "train": {"normal": 2, "bacteria": 1, "virus": 1}})
    seen = next((folder / "test" / "NORMAL").iterdir())
    (folder / "train" / "NORMAL" / "IM-9999-0001.png").write_bytes(seen.read_bytes())
    done = hilum("evaluate", three, "--data", folder, "--split", "test", "--out", "out", "--audit")
    assert done.returncode == 0, done.stderr
    audit = json.loads((tmp_path / "out" / "metrics.json").read_text())["audit"]
    assert audit["films"] == 23
    assert any("IM-9999-0001.png" in sentence for sentence in audit["findings"]["error"])
    assert "IM-9999-0001.png" in (tmp_path / "out" / "report.html").read_text()


def test_films_without_labels_get_what_can_be_said_and_hear_what_cannot(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    for number in range(3):
        write_film(tmp_path / f"{number}.png", number)
    (tmp_path / "films.csv").write_text("path,label\n0.png,\n1.png,\n2.png,\n")
    done = hilum("evaluate", tiny_bundle, "--data", "films.csv", "--split", "all", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "3 films without a label: no figure counts them." in done.stdout
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["auroc"]["value"] is metrics["accuracy"]["value"] is None
    assert "None of these films is labelled" in (tmp_path / "out" / "report.html").read_text()


def test_another_engine_finds_the_same_and_is_named(
    hilum: Hilum, three: Path, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    found = {}
    for engine in ("onnx", "openvino"):
        asked = ("evaluate", three, "--data", chest_folder(COUNTS), "--split", "test", "--out", engine)
        done = hilum(*asked, "--engine", engine, "--no-pictures")
        assert done.returncode == 0, done.stderr
        found[engine] = json.loads((tmp_path / engine / "metrics.json").read_text())
        assert found[engine]["computed_by"] == f"{engine} float32"
    for figure in ("auroc", "accuracy", "brier"):
        assert found["openvino"][figure]["value"] == pytest.approx(found["onnx"][figure]["value"], abs=1e-3)
