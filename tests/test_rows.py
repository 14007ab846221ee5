"""Rows and their journal: whatever a crash leaves, a reader sees whole rows only."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.rows import INDEX_NAME, ROWS_NAME, Writer, read_index

SIDE = 16
ROW = SIDE * SIDE


def name(row: int) -> str:
    return f"{row:064x}"


def rows(*numbers: int) -> Any:
    """A film for each number, filled with it."""
    return np.repeat(np.array(numbers, dtype=np.uint8), ROW).reshape(-1, SIDE, SIDE)


def append(folder: Path, *numbers: int) -> None:
    writer = Writer(folder, ROW)
    try:
        writer.append([name(number) for number in numbers], rows(*numbers))
    finally:
        writer.close()


def stored(folder: Path) -> list[int]:
    """The number in each row that has a line; the line must agree."""
    index = read_index(folder, ROW)
    films = np.fromfile(folder / ROWS_NAME, dtype=np.uint8)[: len(index) * ROW].reshape(-1, ROW)
    assert [name(int(film[0])) for film in films] == index
    return [int(film[0]) for film in films]


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    assert read_index(tmp_path, ROW) == []
    append(tmp_path, 5, 3)
    append(tmp_path, 9)
    assert stored(tmp_path) == [5, 3, 9]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(films=st.integers(0, 4 * ROW + 20), lines=st.integers(0, 4 * 65 + 20), noise=st.binary(max_size=80))
def test_any_cut_and_any_rest_leave_whole_rows(films: int, lines: int, noise: bytes, tmp_path: Path) -> None:
    for file in tmp_path.iterdir():
        file.unlink()
    append(tmp_path, 0, 1, 2, 3)
    for file_name, length in ((ROWS_NAME, films), (INDEX_NAME, lines)):
        path = tmp_path / file_name
        path.write_bytes((path.read_bytes() + noise)[:length])
    left = read_index(tmp_path, ROW)
    assert left == [name(row) for row in range(len(left))]
    append(tmp_path, 7)
    assert stored(tmp_path) == [*range(len(left)), 7]
    assert (tmp_path / ROWS_NAME).stat().st_size == (len(left) + 1) * ROW


def test_a_journal_that_is_no_journal_is_cut_off_at_the_first_wrong_line(tmp_path: Path) -> None:
    append(tmp_path, 0, 1, 2)
    path = tmp_path / INDEX_NAME
    data = bytearray(path.read_bytes())
    data[65 + 10] = ord("\0")
    path.write_bytes(data)
    assert stored(tmp_path) == [0]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_write_that_fails_half_way_leaves_the_store_as_it_was(
    failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, 1, 2)
    before = {file: (tmp_path / file).read_bytes() for file in (ROWS_NAME, INDEX_NAME)}
    write, calls = os.write, 0

    def full_disk(descriptor: int, data: Any) -> int:
        nonlocal calls
        calls += 1
        if calls > failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[: len(data) // 2])

    writer = Writer(tmp_path, ROW)
    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        writer.append([name(3)], rows(3))
    monkeypatch.undo()
    writer.close()
    assert {file: (tmp_path / file).read_bytes() for file in before} == before
    append(tmp_path, 3)
    assert stored(tmp_path) == [1, 2, 3]
