"""Which files in a folder are films."""

from __future__ import annotations

import os
from dataclasses import dataclass

from hilum.errors import LayoutError
from hilum.films.kinds import EXTENSIONS, kind_of
from hilum.films.left_out import SkippedFiles
from hilum.films.system_names import system_file, system_folder
from hilum.films.wording import say
from hilum.records import Film

__all__ = ["EXTENSIONS", "SkippedFiles", "SourceFilms", "is_film", "listing", "walk"]


@dataclass(frozen=True, slots=True)
class SourceFilms:
    """The films of one source.

    Attributes:
        films: its films, in a fixed order, not yet hashed.
        notes: findings that the user should know, one line each.
        settled: whether its splits were written by Hilum before, and are kept.
        below: the films' paths below their class folders, or as a table writes them, with `/`, from which patients
            are read; empty where nothing more is to be read.
        findings: what its tables call what films show, where that is not the classes: those that the user may name.
    """

    films: tuple[Film, ...]
    notes: tuple[str, ...] = ()
    settled: bool = False
    below: tuple[str, ...] = ()
    findings: frozenset[str] = frozenset()


def listing(folder: str, skipped: SkippedFiles | None = None) -> tuple[list[str], list[str]]:
    """The names of a folder's sub-folders and files without those of the system, each sorted.

    A link to the folder itself or to one above it is none of its sub-folders.

    Args:
        folder: the folder.
        skipped: gets what is of the system.

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
        path = os.path.join(folder, name)
        is_folder = os.path.isdir(path)
        if is_folder and _leads_up(path):
            continue
        system = system_folder(name) if is_folder else system_file(name)
        if not system:
            (folders if is_folder else files).append(name)
        elif skipped is not None:
            skipped.add_system(path, system, is_folder)
    return folders, files


def is_film(path: str, skipped: SkippedFiles | None = None) -> bool:
    """Whether a file is a film by its bytes, or at least called one; `skipped` gets what is none, and why."""
    kind = kind_of(path)
    if skipped is None:
        return kind.film
    if kind.misnamed:
        skipped.add_misnamed(path, kind.misnamed)
    if kind.film:
        return True
    if kind.other:
        skipped.add(path, "DICOM objects that are no image", f"{os.path.basename(path)}: {kind.other}")
    else:
        skipped.add(path)
    return False


def walk(folder: str, skipped: SkippedFiles) -> list[str]:
    """The films in a folder and its sub-folders, sorted by path.

    A folder that is reached twice by links is read once.
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
        folders, files = listing(here, skipped)
        below = [os.path.join(here, name) for name in reversed(folders)]
        waiting.extend(below)
        films += [path for name in files if is_film(path := os.path.join(here, name), skipped)]
    return sorted(films)


def _leads_up(path: str) -> bool:
    if not os.path.islink(path):
        return False
    target, here = os.path.realpath(path), os.path.realpath(os.path.dirname(path))
    return os.path.commonpath([target, here]) == target
