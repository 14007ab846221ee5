"""Which files in a folder are films."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field

from hilum.errors import LayoutError
from hilum.files import open_regular
from hilum.films.wording import count, say
from hilum.records import Film

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".dcm", ".dicom"})
_SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_DICOM_PREFIX = (128, b"DICM")  # DICOM PS3.10, 7.1: a preamble of 128 bytes, then the prefix


@dataclass(frozen=True, slots=True)
class SourceFilms:
    """The films of one source.

    Attributes:
        films: its films, in a fixed order, not yet hashed.
        notes: findings that the user should know, one line each.
        settled: whether its splits were written by Hilum before, and are kept.
        findings: what its tables call what films show, where that is not the classes: those that the user may name.
    """

    films: tuple[Film, ...]
    notes: tuple[str, ...] = ()
    settled: bool = False
    findings: frozenset[str] = frozenset()


@dataclass(slots=True)
class SkippedFiles:
    """The files that are not films, counted by extension."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, path: str) -> None:
        """Count one file."""
        self.counts[os.path.splitext(path)[1].lower() or "no extension"] += 1

    def notes(self, source: str) -> tuple[str, ...]:
        """One note if there are any."""
        if not self.counts:
            return ()
        kinds = ", ".join(f"{say(kind)}: {number}" for kind, number in sorted(self.counts.items()))
        total = sum(self.counts.values())
        return (f"{say(source)}: {count(total, 'file')} skipped, not JPEG, PNG or DICOM ({kinds})",)


def listing(folder: str) -> tuple[list[str], list[str]]:
    """The names of a folder's visible sub-folders and files, each sorted.

    Raises:
        LayoutError: the folder cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise LayoutError(
            f"{say(folder)}: the folder cannot be read ({error.strerror}); correct its permissions"
        ) from None
    folders: list[str] = []
    files: list[str] = []
    for name in names:
        if name.startswith(".") or name.lower() in _SYSTEM_NAMES:
            continue
        (folders if os.path.isdir(os.path.join(folder, name)) else files).append(name)
    return folders, files


def is_film(path: str) -> bool:
    """Whether a file is a film by its extension or, without one, by DICOM's prefix.

    The numbers after the last dot of a DICOM identifier (`1.2.840.10008.5`) are not an extension. A broken link
    counts by its name, so that the missing film is reported.
    """
    suffix = os.path.splitext(path)[1].lower()
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return suffix in EXTENSIONS
    if not regular:  # opening a named pipe would block for ever
        return False
    if suffix in EXTENSIONS:
        return True
    if suffix and not suffix[1:].isdigit():
        return False
    offset, prefix = _DICOM_PREFIX
    try:
        with open_regular(path) as file:
            return file.read(offset + len(prefix))[offset:] == prefix
    except OSError:
        return False


def walk(folder: str, skipped: SkippedFiles) -> list[str]:
    """The films in a folder and its sub-folders, sorted by path.

    A folder that is reached twice by links is read once, and a link to a folder above itself is not followed.
    """
    films = []
    seen = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = os.stat(here)
        except OSError:
            continue  # it was removed in the meantime
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
