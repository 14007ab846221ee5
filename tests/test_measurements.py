"""A figure is measured once on a machine, and measured again rather than failing where it cannot be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.measurements import measured_once


def test_a_figure_is_measured_once_for_each_key(tmp_path: Path) -> None:
    path, figures = tmp_path / "new folder" / "figures.json", iter([1.5, 2.5])
    assert [measured_once(path, key, float, lambda: next(figures)) for key in ("a", "a", "b", "b", "a")] == [
        1.5, 1.5, 2.5, 2.5, 1.5,
    ]  # fmt: skip


@pytest.mark.parametrize("damaged", ["{", "[]", '{"a": "no number"}'])
def test_a_damaged_file_is_replaced(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "figures.json"
    path.write_text(damaged)
    assert measured_once(path, "a", float, lambda: 1.5) == 1.5
    assert measured_once(path, "a", float, lambda: 2.5) == 1.5


def test_a_file_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    figures = iter([1.5, 2.5])
    for figure in (1.5, 2.5):
        assert measured_once(tmp_path / "file" / "figures.json", "a", float, lambda: next(figures)) == figure
