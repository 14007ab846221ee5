"""Rows and their journal: whatever a crash leaves, a reader sees whole rows only."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.errors import RequestError
from hilum.rows import CHECKS_NAME, INDEX_NAME, ROWS_NAME, RowStore, described_folder, fill_together, read_index
from hilum.rows.described import cannot_be_kept

SIDE = 16
ROW = SIDE * SIDE


def name(number: int) -> str:
    return f"{number:064x}"


def row(number: int) -> Any:
    """A film that is filled with a number."""
    return np.full((SIDE, SIDE), number, dtype=np.uint8)


def store(folder: Path) -> RowStore:
    return RowStore(folder, np.dtype(np.uint8), (SIDE, SIDE), "numbered films", chunk=2)


def numbered(missing: list[str]) -> Generator[tuple[str, Any]]:
    """The row of each name."""
    for sha256 in missing:
        yield sha256, row(int(sha256, 16))


def append(folder: Path, *numbers: int) -> None:
    store(folder).fill([name(number) for number in numbers], numbered)


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

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(RequestError, match=r"numbered films cannot be kept \(No space left on device\); make room"):
        append(tmp_path, 3)
    monkeypatch.undo()
    assert {file: (tmp_path / file).read_bytes() for file in before} == before
    append(tmp_path, 3)
    assert stored(tmp_path) == [1, 2, 3]


def test_what_is_there_is_not_produced_again_and_nothing_is_locked(tmp_path: Path) -> None:
    append(tmp_path, 1, 2)
    (tmp_path / "lock").unlink(missing_ok=True)
    append(tmp_path, 2, 1, 1)
    assert not (tmp_path / "lock").exists()
    asked: list[list[str]] = []

    def noted(missing: list[str]) -> Generator[tuple[str, Any]]:
        asked.append(missing)
        yield from numbered(missing)

    store(tmp_path).fill(map(name, (4, 1, 3, 4, 2)), noted)
    assert asked == [[name(4), name(3)]]
    assert stored(tmp_path) == [1, 2, 4, 3]


def test_rows_are_mapped_read_only_with_the_place_of_each(tmp_path: Path) -> None:
    append(tmp_path, 9, 4)
    films, row_of = store(tmp_path).open()
    assert isinstance(films, np.memmap)
    assert not films.flags.writeable
    np.testing.assert_array_equal(films[row_of[name(4)]], row(4))
    assert row_of == {name(9): 0, name(4): 1}


def test_an_empty_store_opens(tmp_path: Path) -> None:
    films, row_of = store(tmp_path / "nowhere").open()
    assert films.shape == (0, SIDE, SIDE)
    assert row_of == {}


def test_rows_that_are_not_produced_stay_missing(tmp_path: Path) -> None:
    store(tmp_path).fill(map(name, (1, 2, 3)), lambda missing: numbered(missing[1:]))
    assert stored(tmp_path) == [2, 3]
    assert store(tmp_path).missing(map(name, (1, 2, 3))) == [name(1)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_whatever_ends_producing_what_was_produced_stays(tmp_path: Path, error: type[BaseException]) -> None:
    ended: list[bool] = []

    def interrupted(missing: list[str]) -> Generator[tuple[str, Any]]:
        try:
            yield from numbered(missing[:3])
            raise error
        finally:
            ended.append(True)

    with pytest.raises(error):
        store(tmp_path).fill(map(name, range(1, 9)), interrupted)
    assert ended
    assert stored(tmp_path) == [1, 2, 3]


def test_a_producer_is_closed_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    def noted(missing: list[str]) -> Generator[tuple[str, Any]]:
        try:
            yield from numbered(missing)
        finally:
            ended.append(True)

    def full_disk(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(RequestError, match="make room for 1 MB more"):
        store(tmp_path).fill(map(name, range(9)), noted)
    assert ended


def test_several_who_fill_at_once_produce_each_row_once(tmp_path: Path) -> None:
    produced: list[str] = []

    def noted(missing: list[str]) -> Generator[tuple[str, Any]]:
        for pair in numbered(missing):
            produced.append(pair[0])
            yield pair

    def fill(first: int) -> None:
        store(tmp_path).fill(map(name, range(first, first + 20)), noted)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, (0, 5, 10, 0)))
    assert sorted(produced) == list(map(name, range(30)))
    assert sorted(stored(tmp_path)) == list(range(30))


def test_stores_that_are_filled_together_each_get_what_they_lack(tmp_path: Path) -> None:
    append(tmp_path / "a", 1, 2)
    append(tmp_path / "b", 3)
    asked: list[list[str]] = []

    def doubled(missing: list[str]) -> Generator[tuple[str, Any]]:
        asked.append(missing)
        for sha256, film in numbered(missing):
            yield sha256, (film, film)

    both = [store(tmp_path / "a"), store(tmp_path / "b")]
    for _ in range(2):
        fill_together(both, map(name, (1, 2, 3, 4)), doubled, tmp_path)
    assert asked == [[name(3), name(4), name(1), name(2)]]
    assert stored(tmp_path / "a") == [1, 2, 3, 4]
    assert stored(tmp_path / "b") == [3, 4, 1, 2]


def test_a_described_folder_is_found_again_and_another_one_refused(tmp_path: Path) -> None:
    folder = described_folder(tmp_path, {"side": 16, "steps": ["a"]}, "films")
    assert folder == described_folder(tmp_path, {"steps": ["a"], "side": 16}, "films")
    assert folder != described_folder(tmp_path, {"side": 17, "steps": ["a"]}, "films")
    for text, reason in (("{", "damaged"), ('{"side": 16}', r"these are films of something else \(other steps\)")):
        (folder / "store.json").write_text(text)
        with pytest.raises(RequestError, match=rf"store\.json: {reason}; remove .*{folder.name}"):
            described_folder(tmp_path, {"side": 16, "steps": ["a"]}, "films")


def opened(folder: Path, *numbers: int) -> dict[int, int]:
    """What a reader is given for these films: the number in each row."""
    films, row_of = store(folder).open(map(name, numbers))
    assert all((films[place] == films[place][0, 0]).all() for place in row_of.values())
    return {int(sha256, 16): int(films[place][0, 0]) for sha256, place in row_of.items()}


def filled(folder: Path, *numbers: int) -> tuple[dict[int, int], list[int]]:
    """What is given after filling, and the films that had to be computed."""
    asked: list[int] = []

    def noted(missing: list[str]) -> Generator[tuple[str, Any]]:
        asked.extend(int(sha256, 16) for sha256 in missing)
        yield from numbered(missing)

    films, row_of = store(folder).fill(map(name, numbers), noted)
    return {int(sha256, 16): int(films[place][0, 0]) for sha256, place in row_of.items()}, asked


def swapped(data: bytes, first: int, second: int, length: int) -> bytes:
    pieces = [data[start : start + length] for start in range(0, len(data), length)]
    first, second = first % len(pieces), second % len(pieces)  # what was cut off before may have left few of them
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return b"".join(pieces)


LENGTHS = {ROWS_NAME: ROW, INDEX_NAME: 65, CHECKS_NAME: 4}
KEPT = [3, 1, 4, 15, 9, 2, 6]


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, str, int, int]:
    """A file of a store, what happens to it, and where."""
    file = draw(st.sampled_from(sorted(LENGTHS)))
    how = draw(st.sampled_from(["bit", "zeroed", "swapped", "lost", "doubled", "noise", "cut", "gone"]))
    return file, how, draw(st.integers(0, 6)), draw(st.integers(0, 10_000))


def damage(path: Path, how: str, row: int, where: int) -> None:
    data, length = path.read_bytes(), LENGTHS[path.name]
    start, end = row * length, (row + 1) * length
    match how:
        case "bit":
            at = where % len(data)
            new = data[:at] + bytes([data[at] ^ (1 << where % 8)]) + data[at + 1 :]
        case "zeroed":
            new = data[:start] + bytes(length) + data[end:]
        case "swapped":
            new = swapped(data, row, where % len(KEPT), length)
        case "lost":
            new = data[:start] + data[end:]
        case "doubled":
            new = data[:end] + data[start:]
        case "noise":
            new = data[:start] + np.random.default_rng(where).bytes(length) + data[end:]
        case "cut":
            new = data[: where % len(data)]
        case _:
            path.unlink()
            return
    path.write_bytes(new)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.lists(damages(), min_size=1, max_size=3))
def test_whatever_happens_to_a_store_no_film_is_given_another_ones_row(
    happened: list[tuple[str, str, int, int]], tmp_path: Path
) -> None:
    for file in tmp_path.iterdir():
        file.unlink()
    append(tmp_path, *KEPT)
    for file_name, how, row, where in happened:
        if (tmp_path / file_name).exists() and (tmp_path / file_name).stat().st_size:
            damage(tmp_path / file_name, how, row, where)
    left = opened(tmp_path, *KEPT)
    assert all(number == film for film, number in left.items())
    given, computed = filled(tmp_path, *KEPT)
    assert given == {number: number for number in KEPT}
    assert sorted([*left, *computed]) == sorted(KEPT)
    assert filled(tmp_path, *KEPT) == (given, [])
    append(tmp_path, 20, 21)
    assert opened(tmp_path, *KEPT, 20, 21) == {number: number for number in [*KEPT, 20, 21]}


@pytest.mark.parametrize("how", ["bit", "zeroed", "swapped", "noise"])
def test_a_damaged_row_is_computed_again_in_its_place_and_reported(
    how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    append(tmp_path, *KEPT)
    damage(tmp_path / ROWS_NAME, how, 2, 2 * ROW + 5 if how == "bit" else 4)
    wrong = [KEPT[2], KEPT[4]] if how == "swapped" else [KEPT[2]]
    assert opened(tmp_path, *KEPT) == {number: number for number in KEPT if number not in wrong}
    with caplog.at_level("WARNING", "hilum"):
        assert filled(tmp_path, *KEPT) == ({number: number for number in KEPT}, wrong)
    rows = "2 rows of the numbered films are" if how == "swapped" else "1 row of the numbered films is"
    assert f"{tmp_path}: {rows} not what was written there" in caplog.text
    assert stored(tmp_path) == KEPT


def test_rows_of_films_that_are_not_asked_for_are_not_checked(tmp_path: Path) -> None:
    append(tmp_path, *KEPT)
    damage(tmp_path / ROWS_NAME, "zeroed", 2, 0)
    assert filled(tmp_path, 3, 1) == ({3: 3, 1: 1}, [])


def test_a_store_of_an_earlier_version_is_computed_again_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As 0.2.0 wrote it: the same rows and the same journal, without checksums."""
    (tmp_path / ROWS_NAME).write_bytes(b"".join(row(number).tobytes() for number in (1, 2, 3)))
    (tmp_path / INDEX_NAME).write_text("".join(f"{name(number)}\n" for number in (1, 2, 3)))
    assert opened(tmp_path, 1, 2, 3) == {}
    with caplog.at_level("WARNING", "hilum"):
        assert filled(tmp_path, 1, 2, 3) == ({1: 1, 2: 2, 3: 3}, [1, 2, 3])
    assert "3 rows of the numbered films are of an earlier Hilum, which kept no checksums" in caplog.text
    assert filled(tmp_path, 1, 2, 3) == ({1: 1, 2: 2, 3: 3}, [])
    assert stored(tmp_path) == [1, 2, 3]


def test_rows_in_another_stores_folder_are_not_read(tmp_path: Path) -> None:
    """Another preprocessing's store, copied: rows of the same films and the same length."""
    append(tmp_path / "one", 1, 2)
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    assert opened(tmp_path / "other", 1, 2) == {}
    (tmp_path / "one").rename(tmp_path / "gone")
    shutil.copytree(tmp_path / "gone", tmp_path / "elsewhere" / tmp_path.name / "one")
    assert opened(tmp_path / "elsewhere" / tmp_path.name / "one", 1, 2) == {1: 1, 2: 2}  # the cache as a whole moved


def test_rows_that_cannot_be_read_are_damaged_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sector that is gone."""
    append(tmp_path, 1, 2, 3)

    class Failing(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            if self.tell() == ROW:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().readinto(buffer) or 0

    real = Path.open

    def opening(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        return Failing(path) if (path.name, mode) == (ROWS_NAME, "rb") else real(path, mode, *args, **options)

    monkeypatch.setattr(Path, "open", opening)
    assert opened(tmp_path, 1, 2, 3) == {1: 1, 3: 3}


def test_a_disk_that_is_full_while_damaged_rows_are_computed_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, *KEPT)
    damage(tmp_path / ROWS_NAME, "zeroed", 2, 0)

    def full_disk(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(RequestError, match="numbered films cannot be kept"):
        append(tmp_path, *KEPT)
    monkeypatch.undo()
    assert opened(tmp_path, *KEPT) == {number: number for number in KEPT if number != KEPT[2]}


def test_checking_in_several_threads_is_checking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.rows.check._PIECE", 2 * ROW)
    append(tmp_path, *KEPT)
    damage(tmp_path / ROWS_NAME, "swapped", 0, 5)
    assert opened(tmp_path, *KEPT) == {number: number for number in KEPT if number not in (KEPT[0], KEPT[5])}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", [ROWS_NAME, CHECKS_NAME, INDEX_NAME])
def test_a_pipe_in_a_files_place_is_refused_and_never_waited_for(name: str, tmp_path: Path) -> None:
    append(tmp_path, 1, 2)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(RequestError, match=rf"{name}: a pipe, not a file; .*or remove it: what it held"):
        append(tmp_path, 3)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EROFS, "(Read-only file system); set HILUM_CACHE to a folder that can be written"),
        (errno.EACCES, "(Permission denied); set HILUM_CACHE to a folder that can be written"),
        (errno.EDQUOT, "(Disk quota exceeded); make room for 9 MB more"),
    ],
)
def test_room_is_asked_for_only_where_it_lacks(number: int, says: str) -> None:
    line = str(cannot_be_kept(Path("there"), "rows", OSError(number, os.strerror(number)), needed=9_000_000))
    assert line.startswith("there: the rows cannot be kept ")
    assert says in line
