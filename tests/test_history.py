"""`history.csv` holds whatever was tried, also where rows say different things."""

from __future__ import annotations

from pathlib import Path

from hilum.history import read_history, write_history


def test_rows_that_say_different_things_read_back(tmp_path: Path) -> None:
    rows = [{"choice": 1.0, "folds_auroc": 0.9}, {"choice": 1.0, "nested_auroc": 0.875}, {"seconds": 2.5}]
    write_history(tmp_path / "history.csv", rows)
    assert read_history(tmp_path / "history.csv") == rows
    assert (tmp_path / "history.csv").read_text().splitlines()[0] == "choice,folds_auroc,nested_auroc,seconds"


def test_no_file_yet_has_no_rows(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.csv") == []
