"""The films' bytes: their SHA-256, empty files, and the same film under two names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from hilum import pixels
from hilum.errors import FilmError, LayoutError
from hilum.films.wording import count, listed, say
from hilum.machine import processors
from hilum.progress import track
from hilum.records import Film
from hilum.workers import map_in_order

# SHA-256 of no bytes at all. Empty files are damaged, not copies of one another.
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def fingerprint(films: Sequence[Film]) -> tuple[Film, ...]:
    """Add each film's `sha256`; a film that has one keeps it.

    Raises:
        LayoutError: files cannot be opened; the message names the first.
    """
    failures: list[str] = []

    def hashed(film: Film) -> Film:
        if film.sha256:
            return film
        try:
            return replace(film, sha256=pixels.hash_film(film.path))
        except OSError as error:
            failures.append(f"{say(film.path)} ({error.strerror})")
        except FilmError as error:
            failures.append(f"{say(film.path)} ({error.reason})")
        return film

    # Reading waits for the disk and hashing releases the interpreter's lock, so threads help beyond the cores.
    hashing = map_in_order(hashed, films, workers=min(16, 2 * processors()))
    result = tuple(track(hashing, "reading films", len(films)))
    if failures:
        raise LayoutError(f"{count(len(failures), 'film')} cannot be read: {listed(sorted(failures))}")
    return result


def check_contents(films: Sequence[Film]) -> tuple[str, ...]:
    """Notes on empty files and on films that are the same byte for byte.

    Raises:
        LayoutError: one film has two labels.
    """
    notes = []
    empty = [film.path for film in films if film.sha256 == EMPTY]
    if empty:
        notes.append(f"{count(len(empty), 'empty file')}, which cannot be decoded: {listed(empty)}")
    same = identical(films)
    for group in same:
        labelled = {film.label: film for film in group if film.label}
        if len(labelled) > 1:
            one, other = list(labelled.values())[:2]
            raise LayoutError(
                f"{say(one.path)} ({say(one.label)}) and {say(other.path)} ({say(other.label)}) are the same film, "
                "byte for byte, with two labels; remove the wrong one"
            )
    if same:
        pairs = [f"{say(group[0].path)} = {say(os.path.basename(group[1].path))}" for group in same]
        extra = sum(len(group) - 1 for group in same)
        verb = "occurs" if len(same) == 1 else "occur"
        notes.append(
            f"{count(len(same), 'film')} {verb} more than once, byte for byte ({extra} in excess; all are kept, "
            f"and a split keeps them on one side): {'; '.join(pairs[:3])}{'; …' if len(pairs) > 3 else ''}"
        )
    return tuple(notes)


def identical(films: Sequence[Film]) -> list[list[Film]]:
    """The groups of two or more films with the same bytes, in the films' order."""
    groups: dict[str, list[Film]] = {}
    for film in films:
        if film.sha256 and film.sha256 != EMPTY:
            groups.setdefault(film.sha256, []).append(film)
    return [group for group in groups.values() if len(group) > 1]
