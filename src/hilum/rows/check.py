"""Which rows of a store are whole, and which of those are what was written."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.files import open_regular
from hilum.progress import track
from hilum.workers import map_in_order

ROWS_NAME = "rows.bin"
INDEX_NAME = "index.txt"
CHECKS_NAME = "checks.bin"
LINE = 65  # 64 hexadecimal digits and a line feed
CHECK = np.dtype("<u4")  # 0 where a row was written without one
_HEX = np.zeros(256, dtype=bool)
_HEX[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = True
_PIECE = 16 << 20  # bytes that a thread checks at a time


@dataclass(frozen=True, slots=True)
class Examined:
    """What a store holds of the films that were asked for.

    Attributes:
        sound: the row of each film whose row is what was written.
        damaged: of those whose row is not, or whose line is another row's.
        unchecked: of those that were written without a checksum.
    """

    sound: dict[str, int]
    damaged: dict[str, int]
    unchecked: dict[str, int]


def read_index(folder: Path, row_bytes: int) -> list[str]:
    """Return the SHA-256 of each whole row, in order; none where there is no store."""
    try:
        with open_regular(folder / INDEX_NAME) as file:
            journal = file.read()
        rows = (folder / ROWS_NAME).stat().st_size // row_bytes
    except FileNotFoundError:
        return []
    rows = min(rows, len(journal) // LINE)
    lines = np.frombuffer(journal, dtype=np.uint8, count=rows * LINE).reshape(rows, LINE)
    whole = _HEX[lines[:, :-1]].all(axis=1) & (lines[:, -1] == ord("\n"))
    if not whole.all():
        rows = int(np.argmin(whole))
    return journal[: rows * LINE].decode("ascii").split()


def place_of(folder: Path) -> int:
    """What the checksums of a store's rows begin with: the CRC-32 of its folder's name and the name above that."""
    return zlib.crc32(f"{folder.parent.name}/{folder.name} ".encode("utf-8", "surrogateescape"))


def checksum(place: int, sha256: str, row: bytes | memoryview) -> int:
    """CRC-32 over the store's place (`place_of`), the film and the row.

    It is against accidents: a changed byte is always noticed, anything else but for once in four thousand million.
    Neither a row that was exchanged with another nor a store in another one's folder agrees with it.
    """
    return zlib.crc32(row, zlib.crc32(sha256.encode("ascii"), place)) or 1


def examine(folder: Path, row_bytes: int, hashes: Iterable[str], what: str) -> Examined:
    """Read the rows of films and compare them with their checksums.

    Args:
        folder: the store.
        row_bytes: the length of a row.
        hashes: the films' SHA-256; those that have no row are in none of the results.
        what: the rows are, for the progress bar.

    Raises:
        OSError: the store cannot be opened. A row that cannot be read is a damaged one.
    """
    index = read_index(folder, row_bytes)
    row_of = {sha256: row for row, sha256 in enumerate(index)}
    asked = sorted((row_of[sha256], sha256) for sha256 in dict.fromkeys(hashes) if sha256 in row_of)
    checks = _read_checks(folder, len(index))
    result = Examined({}, {}, {})
    for row, sha256 in asked:
        if not checks[row]:
            result.unchecked[sha256] = row
    left = [(row, sha256) for row, sha256 in asked if checks[row]]
    size = max(1, _PIECE // max(1, row_bytes))
    pieces = [left[start : start + size] for start in range(0, len(left), size)]

    def check(piece: Sequence[tuple[int, str]]) -> list[bool]:
        return _are_sound(folder, row_bytes, piece, checks)

    found = map_in_order(check, pieces) if len(pieces) > 1 else map(check, pieces)
    for piece, sound in zip(pieces, track(found, f"checking {what}", len(pieces)), strict=True):
        for (row, sha256), right in zip(piece, sound, strict=True):
            (result.sound if right else result.damaged)[sha256] = row
    return result


def _are_sound(
    folder: Path, row_bytes: int, piece: Sequence[tuple[int, str]], checks: NDArray[np.uint32]
) -> list[bool]:
    buffer, sound, place = memoryview(bytearray(row_bytes)), list[bool](), place_of(folder)
    with (folder / ROWS_NAME).open("rb", buffering=0) as file:
        for row, sha256 in piece:
            try:
                file.seek(row * row_bytes)
                whole = file.readinto(buffer) == row_bytes
            except OSError:  # a sector that is gone; as a memory map it would end the process
                whole = False
            sound.append(whole and checksum(place, sha256, buffer) == checks[row])
    return sound


def _read_checks(folder: Path, rows: int) -> NDArray[np.uint32]:
    """The checksum of each row, 0 where it has none."""
    checks = np.zeros(rows, CHECK)
    try:
        with open_regular(folder / CHECKS_NAME) as file:
            found = file.read()
    except FileNotFoundError:
        return checks
    whole = min(rows, len(found) // CHECK.itemsize)
    checks[:whole] = np.frombuffer(found, CHECK, whole)
    return checks
