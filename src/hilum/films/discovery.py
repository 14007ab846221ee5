"""Which files are films, in folders as people have them."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field

from hilum.errors import LayoutError
from hilum.films.wording import count, say
from hilum.records import Film

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".dcm", ".dicom"})
_SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_DICOM_MARK = (128, b"DICM")  # DICOM PS3.10, 7.1: a preamble of 128 bytes, then the prefix


@dataclass(frozen=True, slots=True)
class SourceFilms:
    """What one source holds.

    Attributes:
        films: its films, in a fixed order, not yet hashed.
        notes: findings worth telling a person.
        settled: whether its splits were written by Hilum before and stay as they are.
    """

    films: tuple[Film, ...]
    notes: tuple[str, ...] = ()
    settled: bool = False


@dataclass(slots=True)
class SkippedFiles:
    """The files that are not films, counted by extension."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, path: str) -> None:
        """Count one file."""
        self.counts[os.path.splitext(path)[1].lower() or "no extension"] += 1

    def notes(self, source: str) -> tuple[str, ...]:
        """One note where there are any."""
        if not self.counts:
            return ()
        kinds = ", ".join(f"{say(kind)}: {number}" for kind, number in sorted(self.counts.items()))
        total = sum(self.counts.values())
        return (f"{say(source)}: {count(total, 'file')} left out, not JPEG, PNG or DICOM ({kinds})",)


def listing(folder: str) -> tuple[list[str], list[str]]:
    """The names of a folder's visible sub-folders and files, each sorted.

    Raises:
        LayoutError: the folder cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise LayoutError(
            f"{say(folder)}: the folder cannot be read ({error.strerror}); mend its permissions"
        ) from None
    folders: list[str] = []
    files: list[str] = []
    for name in names:
        if name.startswith(".") or name.lower() in _SYSTEM_NAMES:
            continue
        (folders if os.path.isdir(os.path.join(folder, name)) else files).append(name)
    return folders, files


def is_film(path: str) -> bool:
    """Whether a file is a film by its extension or, without one, by DICOM's mark.

    The numbers after a DICOM identifier's last dot (`1.2.840.10008.5`) are no extension. A link that leads nowhere
    counts by its name, so that the film behind it is missed and not forgotten.
    """
    suffix = os.path.splitext(path)[1].lower()
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return suffix in EXTENSIONS
    if not regular:  # opening a named pipe would wait for ever
        return False
    if suffix in EXTENSIONS:
        return True
    if suffix and not suffix[1:].isdigit():
        return False
    offset, mark = _DICOM_MARK
    try:
        with open(path, "rb") as file:
            return file.read(offset + len(mark))[offset:] == mark
    except OSError:
        return False


def walk(folder: str, skipped: SkippedFiles) -> list[str]:
    """The films in a folder and all below it, sorted by path.

    A folder that links reach twice is read once, and a link back up to a folder that holds it is not followed.
    """
    films = []
    seen = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = os.stat(here)
        except OSError:
            continue  # it went while we walked
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        folders, files = listing(here)
        below = [os.path.join(here, name) for name in reversed(folders)]
        waiting.extend(path for path in below if not _leads_up(path))
        for name in files:
            path = os.path.join(here, name)
            if is_film(path):
                films.append(path)
            else:
                skipped.add(path)
    return sorted(films)


def _leads_up(path: str) -> bool:
    if not os.path.islink(path):
        return False
    target, here = os.path.realpath(path), os.path.realpath(os.path.dirname(path))
    return os.path.commonpath([target, here]) == target
