"""The whole audit on folders of generated films: what was planted is caught by name, and nothing else is."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from hilum import films
from hilum.auditing import Audit, AuditRecord, audit, audit_json, audit_seen, quick_audit, survey, write_audit
from hilum.auditing.audit_page import render
from hilum.auditing.duplicates import copy_findings, likeness_findings
from hilum.auditing.similarity import find_near_duplicates
from hilum.lungs import Lungs, find_lungs
from hilum.records import Manifest, Prediction, Predictions
from tests.auditing.conftest import WriteSet, film, save
from tests.pixels.dicoms import dataset, stored_phantom

HARMLESS = {"counts", "patients", "files", "facts", "border", "letters"}  # kinds that a clean set may have


def run(root: Path) -> Audit:
    return audit(films.index(root, cut=False))


def kinds(made: Audit) -> set[str]:
    return {finding.kind for finding in made.findings} - HARMLESS


def sentence(made: Audit, kind: str) -> str:
    return next(finding.sentence for finding in made.findings if finding.kind == kind)


def test_a_clean_set_has_nothing_to_fix(write_set: WriteSet) -> None:
    made = run(write_set())
    assert kinds(made) == set()
    assert not any((made.pairs, made.stamps, made.duplicates, made.suspects))
    assert made.headline == "Nothing that has to be fixed was found."
    assert set(made.not_checked) <= {"labels"}


def test_what_was_planted_is_caught_by_name(write_set: WriteSet) -> None:
    root = write_set(quality=(95, 60))
    train, val = root / "train", root / "val"
    shutil.copy(train / "NORMAL" / "IM-0000-0001.jpeg", train / "NORMAL" / "IM-0000-0002.jpeg")
    (val / "NORMAL" / "IM-0002-0002.jpeg").write_bytes(save(root / "new.jpeg", film(901)).read_bytes())
    again = cv2.resize(cv2.resize(film(4), (110, 110)), (128, 128))
    save(val / "NORMAL" / "IM-0800-0001.jpeg", np.asarray(again, np.uint8), 95)
    for path in root.glob("*/PNEUMONIA/*"):
        grey = np.asarray(cv2.imread(str(path), 0), np.uint8)
        grey[10:20, 10:20] = 255
        save(path, grey, 60)
    (root / "new.jpeg").unlink()

    made = run(root)
    assert {"leak", "duplicate", "near_duplicate", "stamp", "shortcut"} <= kinds(made)
    assert sentence(made, "leak").startswith("patient IM-0002 is in train and in val")
    copy = sentence(made, "duplicate")
    assert "train/NORMAL/IM-0000-0001.jpeg = train/NORMAL/IM-0000-0002.jpeg" in copy
    (near,) = [finding for finding in made.findings if finding.kind == "near_duplicate"]
    assert near.severity == "error"
    assert [Path(path).name for path in near.films] == ["IM-0004-0001.jpeg", "IM-0800-0001.jpeg"]
    assert "a white mark" in sentence(made, "stamp")
    assert "at the top left" in sentence(made, "stamp")
    assert "is in 100% of PNEUMONIA" in sentence(made, "stamp")
    assert "JPEG quantisation alone 1.000 (quality 95 in NORMAL, 60 in PNEUMONIA)" in sentence(made, "shortcut")
    assert [finding.severity for finding in made.findings] == sorted(
        (finding.severity for finding in made.findings), key=["error", "warning", "note"].index
    )


def test_the_page_stands_alone_and_the_json_is_whole(write_set: WriteSet, tmp_path: Path) -> None:
    root = write_set()
    save(root / "train" / "NORMAL" / "IM-0900-0001.jpeg", film(4)[:, ::-1].copy())
    save(root / "train" / "NORMAL" / "IM-0901-0001 <b>&.jpeg", 255 - film(903))
    made = run(root)
    write_audit(made, tmp_path / "out")
    page = (tmp_path / "out" / "audit.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("data:image/jpeg;base64,") >= 3
    assert "IM-0901-0001 &lt;b&gt;&amp;.jpeg" in page
    assert str(root) in page  # once, at the top: all other paths begin there
    assert page.count(str(root)) == 1
    told = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert told["films"] == told["read"] == 50
    assert told["folder"] == str(root)
    (pair,) = told["alike"]
    assert pair["mirrored"]
    assert pair["same"]
    assert Path(pair["one"]).is_file()
    assert told["probes"]["rim"]["auroc"]["value"] > 0
    assert {finding["kind"] for finding in told["findings"]} == {finding.kind for finding in made.findings}
    assert msgspec.json.decode((tmp_path / "out" / "audit.json").read_bytes(), type=AuditRecord) == made.record()
    assert render(made) == page


def test_a_folder_is_audited_by_its_path_and_the_result_shows_itself(write_set: WriteSet) -> None:
    root = write_set(6)
    (root / "train" / "NORMAL" / "<b>.jpeg").write_text("no film")
    made = audit(root)
    assert [film.path for film in made.manifest] == [film.path for film in films.index(root, cut=False)]
    lines = repr(made).splitlines()
    assert lines[0] == f"12 films audited in {root}"
    assert lines[1] == "-- To fix first"
    html = made._repr_html_()
    assert "&lt;b&gt;.jpeg: " in html
    assert "<b>" not in html
    assert made.headline in html


class TestBadInput:
    """Never a traceback; what cannot be computed is said."""

    def test_films_that_cannot_be_read_are_named_and_the_rest_is_audited(self, write_set: WriteSet) -> None:
        root = write_set(6)
        (root / "train" / "NORMAL" / "text.jpeg").write_text("no film")
        (root / "train" / "NORMAL" / "empty.jpeg").write_bytes(b"")
        whole = (root / "train" / "NORMAL" / "IM-0000-0001.jpeg").read_bytes()
        (root / "train" / "NORMAL" / "half.jpeg").write_bytes(whole[: len(whole) // 2])
        made = run(root)
        assert len(made.seen) == 12
        assert made.findings[0].kind == "unreadable"
        assert made.findings[0].sentence.startswith("3 films cannot be read: train/NORMAL/empty.jpeg: an empty file")
        assert {Path(error.path).name for error in made.seen.unreadable} == {"text.jpeg", "empty.jpeg", "half.jpeg"}

    def test_nothing_can_be_read(self, tmp_path: Path) -> None:
        for label in "AB":
            (tmp_path / "set" / label).mkdir(parents=True)
            (tmp_path / "set" / label / "a.png").write_text(f"no film {label}")
        made = run(tmp_path / "set")
        assert len(made.seen) == 0
        assert made.not_checked["shortcuts"] == "the films have no labels"
        assert render(made)
        json.dumps(json.loads(audit_json(made)), allow_nan=False)

    def test_ten_films(self, write_set: WriteSet) -> None:
        made = run(write_set(5))
        assert kinds(made) == set()
        assert made.not_checked == {
            "films that are inverted, or unlike the others": "10 films; 30 are needed",
            "marks on one class": "NORMAL has 5 patients and the other classes 5; 20 are needed",
            "shortcuts": "NORMAL has 5 films of 5 patients; 10 of 5 are needed",
            "labels": "NORMAL has 5 films of 5 patients; 10 of 5 are needed",
        }

    def test_one_class_and_no_patients(self, tmp_path: Path) -> None:
        (tmp_path / "set" / "A").mkdir(parents=True)
        for number in range(12):
            save(tmp_path / "set" / "A" / f"{number}.png", film(number))
        made = run(tmp_path / "set")
        assert kinds(made) == {"one_class", "patients_unknown"}
        assert made.not_checked["shortcuts"] == "the films have one class only"
        assert render(made)

    def test_an_archive(self, tmp_path: Path) -> None:
        images = np.stack([cv2.resize(film(number), (28, 28)) for number in range(30)]).astype(np.uint8)
        labels = np.arange(30)[:, None] % 2
        np.savez(
            tmp_path / "pneumoniamnist.npz",
            train_images=images[:24], train_labels=labels[:24], val_images=images[24:], val_labels=labels[24:],
        )  # fmt: skip
        made = run(tmp_path / "pneumoniamnist.npz")
        assert len(made.seen) == 30
        assert made.probes["file"] is None
        assert not any(finding.severity == "error" for finding in made.findings)
        assert render(made)

    def test_films_of_every_kind_and_size(self, tmp_path: Path) -> None:
        for number, label in enumerate("ABABAB"):
            (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
            save(tmp_path / "set" / label / f"{number}.png", film(number, side=(16, 100, 300)[number % 3]))
        dicom = dataset(stored_phantom(12), bits=12, PhotometricInterpretation="MONOCHROME1", BodyPartExamined="HAND")
        dicom.save_as(tmp_path / "set" / "A" / "d.dcm", enforce_file_format=True)
        made = run(tmp_path / "set")
        assert len(made.seen) == 7
        assert {"monochrome1", "body_part"} <= kinds(made)
        json.dumps(json.loads(audit_json(made)), allow_nan=False)


def test_labels_are_checked_against_given_predictions(write_set: WriteSet) -> None:
    manifest = films.index(write_set(8), cut=False)
    rows = [
        Prediction(each, (0.9, 0.1) if (each.label == "NORMAL") ^ ("IM-0004" in each.path) else (0.1, 0.9), "")
        for each in manifest
    ]
    made = audit(manifest, Predictions(("NORMAL", "PNEUMONIA"), 0.5, tuple(rows)))
    (doubt,) = made.suspects
    assert (Path(made.seen.films[doubt.film].path).name, doubt.likely) == ("IM-0004-0001.jpeg", "PNEUMONIA")
    assert "according to the detector whose predictions were given" in sentence(made, "label")
    nobody = audit_seen(manifest, made.seen, Predictions(("NORMAL", "PNEUMONIA"), 0.5, ()))
    assert nobody.not_checked["labels"].startswith("of the films that have predictions: no film is labelled")


def test_every_index_says_what_headers_show(write_set: WriteSet) -> None:
    clean = quick_audit(films.index(write_set(), cut=False))
    assert [finding.kind for finding in clean] == ["files"]
    shortcut = quick_audit(films.index(write_set(name="other", quality=(95, 60)), cut=False))
    assert [finding.kind for finding in shortcut] == ["files", "shortcut"]
    assert (
        "JPEG quantisation alone tells PNEUMONIA from the other films with an AUROC of 1.000" in shortcut[1].sentence
    )
    assert quick_audit(Manifest(())) == []


def test_a_survey_sees_what_decoding_and_preprocessing_give(write_set: WriteSet) -> None:
    from hilum.pixels import decode, preprocess
    from hilum.recipe import Pixels

    manifest = films.index(write_set(3), cut=False)
    seen = survey(manifest)
    assert [each.path for each in seen.films] == [each.path for each in manifest]
    for number, each in enumerate(manifest):
        assert np.array_equal(seen.squares[number], preprocess(decode(each.path), Pixels(size=128)))
        assert seen.before[number]["bytes_per_pixel"] == Path(each.path).stat().st_size / 128**2


@pytest.fixture(scope="module")
def indexed(shared: Path) -> Manifest:
    """The real films, which are not read twice."""
    return films.index(shared / "data" / "chest_xray", cut=False)


class TestRealFilms:
    @pytest.mark.slow  # the whole audit of originals with a megapixel and more
    def test_the_originals_give_their_label_away_by_their_jpeg_table(self, shared: Path) -> None:
        made = run(shared / "data" / "fullres")
        file = made.probes["file"]
        assert file is not None
        assert file.auroc.value is not None
        assert file.auroc.value > 0.9
        assert file.carriers[0].name == "JPEG quantisation"
        assert "JPEG quantisation alone 0.9" in sentence(made, "shortcut")

    def test_the_pairs_of_one_film_are_found(self, indexed: Manifest) -> None:
        (finding,) = copy_findings(indexed.films)
        assert "24 films more than once, byte for byte, 26 in excess, 28 pairs" in finding.sentence

    def test_one_child_under_two_names_is_found(self, indexed: Manifest) -> None:
        """Two exposures of the same large heart, filed as two patients, among some others."""
        wanted = ("person426_bacteria_1863", "person447_bacteria_1932")
        pair = indexed.where(lambda each: each.path.endswith(tuple(f"{name}.jpeg" for name in wanted)))
        seen = survey(Manifest((*indexed.films[::100], *pair.films)))
        found = likeness_findings(seen.films, find_near_duplicates(seen.squares))
        assert [finding.kind for finding in found] == ["same_patient"]
        assert {Path(path).stem for path in found[0].films} == set(wanted)


def test_films_without_lungs_and_on_their_head_are_named(
    write_set: WriteSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["hilum.auditing.survey"], "find_lungs", find_lungs)  # the network itself
    root = write_set(patients=3)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128)).astype(np.uint8)
    save(root / "train" / "NORMAL" / "IM-0900-0001.jpeg", noise)
    made = run(root)
    (none,) = [finding for finding in made.findings if finding.kind == "no_lungs"]
    assert str(root / "train" / "NORMAL" / "IM-0900-0001.jpeg") in none.films
    assert "film" in none.sentence
    assert str(root) not in none.sentence
    # Few films cannot be compared with one another, and each is looked at by itself all the same.
    turned = Lungs(np.ones((1, 1), dtype=np.bool_), 1.0, 180, "", ("upside down",))
    monkeypatch.setattr(sys.modules["hilum.auditing.survey"], "find_lungs", lambda film: turned)
    (upside,) = [finding for finding in run(root).findings if finding.kind == "turned"]
    assert len(upside.films) == 7
    assert upside.sentence.startswith("7 films seem upside down: ")
