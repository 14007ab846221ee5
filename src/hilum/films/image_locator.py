"""Finding the images of a table: next to it, or somewhere in the folders below it."""

from __future__ import annotations

import filecmp
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from hilum.errors import LayoutError
from hilum.films.discovery import EXTENSIONS, SkippedFiles, walk
from hilum.films.split_names import SPLIT_NAMES
from hilum.films.wording import count, say

# Folders that hold a data set's tables, beside those of its films.
_TABLES = frozenset({"annotations", "annotation", "labels", "label", "metadata", "csv", "tables", "splits", "lists"})
_DRIVE = re.compile(r"[A-Za-z]:")


def root_of(table: str) -> str:
    """The folder below which a table's films lie: its own, or the one above a folder that is called `annotations`."""
    folder = os.path.dirname(table)
    name = os.path.basename(os.path.abspath(folder)).lower()
    return os.path.normpath(os.path.join(folder, os.pardir)) if name in _TABLES else folder


class ImageLocator:
    """Finds the files that a table names.

    Tables often hold bare file names while the images are in folders (NIH's `images_001/images/…`), so the folders
    below the root are read once, when the first file is not next to the table. They hold identifiers without an
    ending (RSNA, VinDr), and paths from a folder that is not here (`CheXpert-v1.0-small/train/…`,
    `/home/someone/films/…`): then what all paths have in common is left away, never the name of a split.

    Args:
        table: the table, for messages.
        root: the folder below which the images lie; the table's own folder if it is not given.
        written: all paths of the table.
        there: the films below the root, where they were read already; then no other file is looked for.
    """

    def __init__(
        self, table: str, root: str | None = None, written: Sequence[str] = (), there: Sequence[str] | None = None
    ) -> None:
        self._table = table
        self._folder = os.path.dirname(table)
        self._root = self._folder if root is None else root
        self._common = _common_folders(written)
        self._ways: Counter[str] = Counter()
        self._walked = there
        self._there = frozenset(there or ())

    def find(self, names: str | Sequence[str], split: str = "") -> str | None:
        """The path of a film, usable from the current folder; None if there is no such file.

        Args:
            names: the path as the table has it, or several, of which the first that leads to a file is taken.
            split: decides between films of one name, one of which lies in a folder of this split.

        Raises:
            LayoutError: there are several files of that name below the table.
        """
        written = dict.fromkeys(
            form for name in ([names] if isinstance(names, str) else names) for form in _forms(name)
        )
        for name in written:
            for folder in dict.fromkeys((self._folder, self._root)):
                path = os.path.normpath(os.path.join(folder, name))
                if path in self._there or (self._walked is None and self.exists(path)):
                    return path
        if not any(self._candidates(name) for name in written):
            return None
        for name in written:
            if not os.path.isabs(name) and (found := self._search(name, split)):
                return found
        for name in written:
            if found := self._without_common_folders(name, split):
                return found
        return None

    def notes(self) -> list[str]:
        """How films were found where the table does not say where they are."""
        return [f"{count(number, 'film')} found {way}" for way, number in self._ways.items()]

    @staticmethod
    def exists(path: str) -> bool:
        """Whether a film exists: a file, or the archive of a member `archive.npz#train/17`."""
        if os.path.isfile(path):
            return True
        archive, mark, _ = path.partition(".npz#")
        return bool(mark) and os.path.isfile(f"{archive}.npz")

    def _candidates(self, name: str) -> Sequence[str]:
        """The films below the root whose name is the last part of a path, but for its ending and case."""
        return self._below.get(_spelt(os.path.basename(_split_ending(name)[0])), ())

    def _search(self, name: str, split: str) -> str | None:
        """The one film below the root whose path ends in a name; else in one that differs by its case or ending."""
        candidates = self._candidates(name)
        if not candidates:
            return None
        name = os.path.normpath(name)
        stem, _ = _split_ending(name)
        matches = [path for path in candidates if f"/{path}".endswith(f"/{name}")]
        way = ""
        if not matches:
            tail = _spelt(f"/{stem}")
            matches = [path for path in candidates if _spelt(f"/{os.path.splitext(path)[0]}").endswith(tail)]
            if stem != name or not all(os.path.splitext(path)[0].endswith(stem) for path in matches):
                way = "under a name with another ending or in another case, or with its accents written otherwise"
        if len(matches) > 1 and split:
            matches = [path for path in matches if split in _splits_in(path)] or matches
        if len(matches) > 1 and all(_same_bytes(matches[0], other) for other in matches[1:]):
            matches = [min(matches, key=lambda path: (path.count("/"), path))]
            self._ways["that lie there more than once, byte for byte; the copies are left out"] += 1
        if len(matches) > 1:
            raise LayoutError(
                f"{say(self._table)}: {say(name)} is below it more than once ({say(matches[0])}, {say(matches[1])}); "
                "write its path relative to the table's folder"
            )
        if matches and way:
            self._ways[way] += 1
        return matches[0] if matches else None

    def _without_common_folders(self, name: str, split: str) -> str | None:
        parts = _DRIVE.sub("", name).replace("\\", "/").split("/")
        for number in range(1, min(len(self._common), len(parts) - 1) + 1):
            rest = "/".join(parts[number:])
            path = os.path.normpath(os.path.join(self._root, rest))
            found = path if self.exists(path) else self._search(rest, split)
            if found:
                left = "/".join(parts[:number])
                self._ways[f"without '{say(left)}/', which their paths begin with"] += 1
                return found
        return None

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        """The films below the root, by their names without ending and case, and by their whole names."""
        films: dict[str, list[str]] = {}
        walked = walk(self._root or ".", SkippedFiles()) if self._walked is None else self._walked
        for path in map(os.path.normpath, walked):
            name = os.path.basename(path)
            for key in dict.fromkeys((_spelt(os.path.splitext(name)[0]), _spelt(name))):
                films.setdefault(key, []).append(path)
        return films


def _spelt(name: str) -> str:
    """A name without its case, and with each accent in one character with its letter, which macOS writes as two."""
    return unicodedata.normalize("NFC", name).casefold()


def _same_bytes(one: str, other: str) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _split_ending(name: str) -> tuple[str, str]:
    """A name without a film's ending, and the ending; the numbers at the end of an identifier are none."""
    stem, ending = os.path.splitext(name)
    return (stem, ending) if ending.lower() in EXTENSIONS else (name, "")


def _forms(written: str) -> tuple[str, ...]:
    """A path as it is written, without spaces around it, and with Windows's separators turned."""
    return written, written.strip(), written.strip().replace("\\", "/")


def _splits_in(path: str) -> set[str]:
    return {SPLIT_NAMES[part.lower()] for part in path.split("/") if part.lower() in SPLIT_NAMES}


def _common_folders(written: Sequence[str]) -> list[str]:
    """The folders that all paths begin with, up to the first that is the name of a split."""
    common: list[str] | None = None
    for name in written:
        folders = _DRIVE.sub("", name.strip()).replace("\\", "/").split("/")[:-1]
        if common is None:
            common = folders
        else:
            same = next((n for n, pair in enumerate(zip(common, folders, strict=False)) if pair[0] != pair[1]), None)
            common = common[: min(len(common), len(folders)) if same is None else same]
        if not common:
            break
    folders = common or []
    return folders[: next((n for n, part in enumerate(folders) if part.lower() in SPLIT_NAMES), len(folders))]
