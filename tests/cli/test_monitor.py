"""`hilum monitor`: what it prints, its report, and that each refusal is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.records import Film, Prediction
from hilum.store import NewPrediction, PredictionKey, open_store
from tests.cli.conftest import Hilum, refusal

pytest.importorskip("fastapi")  # the verb asks for the whole extra


def put(file: Path, seal: str, films: int, stopped: int = 0) -> None:
    with open_store(str(file)) as store:
        for number in range(films):
            key = PredictionKey("ada", f"{number:064}", seal, "youden")
            answer = "not judged" if number < stopped else "PNEUMONIA"
            flags = ("looks like noise",) if number < stopped else ()
            row = Prediction(Film(""), (0.2, 0.8), "PNEUMONIA", answer=answer, why="x", flags=flags)
            store.predictions.put(NewPrediction(key, row, ("NORMAL", "PNEUMONIA"), 0.5, model="hilum"))


def test_what_has_changed_ends_with_1_and_is_in_the_report(hilum: Hilum, tmp_path: Path) -> None:
    from hilum.bundle import SHIPPED_SEAL

    put(tmp_path / "hilum.db", SHIPPED_SEAL, 30, stopped=12)
    done = hilum("monitor", "--out", "report.html")
    assert done.returncode == 1
    assert f"hilum ({SHIPPED_SEAL[:16]}): 30 films from" in done.stdout
    assert "CHANGED: 40% (17% to 67%) of the patients' first films were not judged" in done.stdout
    assert "there are 18 films of different patients with scores, and 50 are needed" in done.stdout
    assert "Looks like noise" in (tmp_path / "report.html").read_text("utf-8")


def test_of_another_detector_than_those_named_little_is_known_and_nothing_has_changed(
    hilum: Hilum, tmp_path: Path
) -> None:
    put(tmp_path / "hilum.db", "5ea1", 3)
    done = hilum("monitor")
    assert done.returncode == 0, done.stderr
    assert "the bundle was not opened here" in done.stdout
    assert done.stderr == ""


def test_a_refusal_is_one_line(hilum: Hilum, tmp_path: Path) -> None:
    assert "none.db: no such store" in refusal(hilum("monitor", "--store", "none.db"), 2)
    with open_store(str(tmp_path / "hilum.db")):
        pass
    assert "holds no film yet" in refusal(hilum("monitor"), 2)
    assert "nowhere: not a bundle" in refusal(hilum("monitor", "--bundle", "nowhere"), 2)
