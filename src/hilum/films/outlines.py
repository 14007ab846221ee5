"""Which outline of the lungs belongs to which film: they have the same name."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hilum import pixels
from hilum.errors import FilmError, LayoutError
from hilum.files import read_regular
from hilum.films.discovery import SkippedFiles, walk
from hilum.films.outline_shape import fault_of_shape, read_outline
from hilum.films.split import inseparable, order_of
from hilum.films.wording import count, listed, say
from hilum.pixels.announced import announced_by
from hilum.records import Film, Manifest
from hilum.workers import map_in_order

_ASPECT = 0.02  # by how much the ratio of the sides of a film and its outline may differ
_MOST_WRONG = 0.5  # of the outlines: with more, the folder holds outlines of something else


@dataclass(frozen=True, slots=True)
class Outline:
    """A film with the outline of its lungs.

    Attributes:
        film: the film.
        path: the outline's file, a picture that is white inside both lungs.
        sha256: of that file.
    """

    film: Film
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class OutlinedFilms:
    """Films that have an outline.

    Attributes:
        outlines: the films with their outlines, in the films' order.
        notes: which films and outlines were left out and why, one line each.
    """

    outlines: tuple[Outline, ...]
    notes: tuple[str, ...]

    @property
    def manifest(self) -> Manifest:
        """The films."""
        return Manifest(tuple(outline.film for outline in self.outlines))


def match_outlines(manifest: Manifest, folder: str | Path, left_out: Collection[str] = ()) -> OutlinedFilms:
    """Give films the outlines of the same name (without its ending) that lie anywhere below a folder.

    Films without an outline are left out, and so is what would teach something wrong: names that several films or
    several different outlines have, pictures that are no outlines, outlines of another shape than their film's, empty
    ones, outlines of one lung, and implausible ones (`fault_of_shape`). Each reason is a note with its count.

    Args:
        manifest: the films.
        folder: holds their outlines.
        left_out: names of films, without folder and ending, whose outlines are known to be wrong.

    Raises:
        LayoutError: there is no such folder, no film has an outline, or most outlines are wrong, so that the folder
            seems to hold outlines of other films.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise LayoutError(f"{say(folder)}: no such folder; name one that holds the films' outlines")
    found: dict[str, list[str]] = defaultdict(list)
    for path in walk(folder, SkippedFiles()):
        found[_stem(path)].append(path)
    films: dict[str, list[Film]] = defaultdict(list)
    for film in manifest:
        films[_stem(film.path)].append(film)
    named = [film for film in manifest if _stem(film.path) in found]
    matched = [film for film in named if _stem(film.path) not in left_out]
    if not named:
        raise LayoutError(
            f"{say(folder)}: no outline has the name of a film (a film is {say(_stem(manifest.films[0].path))}); "
            "an outline is a picture with its film's name, such as IM-0115-0001.png for IM-0115-0001.jpeg"
        )

    def checked(film: Film) -> Outline | str:
        stem = _stem(film.path)
        if len({each.sha256 for each in films[stem]}) > 1:
            return "several films have this name"
        try:
            digests = {pixels.hash_film(path): path for path in sorted(found[stem], reverse=True)}
        except OSError as error:
            return f"the outline cannot be read: {error.strerror}"
        if len(digests) > 1:
            return "several different outlines have this name"
        ((digest, path),) = digests.items()
        return _fault_of(film, path, digest) or Outline(film, path, digest)

    checks = list(zip(matched, map_in_order(checked, matched), strict=True))
    outlines = tuple(outline for _, outline in checks if isinstance(outline, Outline))
    wrong: dict[str, list[str]] = defaultdict(list)
    for film, reason in checks:
        if isinstance(reason, str):
            wrong[reason].append(os.path.basename(film.path))
    notes = [
        f"{count(len(names), 'film')} with an outline left out, {reason}: {listed(names)}"
        for reason, names in wrong.items()
    ]
    if len(outlines) < (1 - _MOST_WRONG) * len(matched):
        raise LayoutError(
            f"{say(folder)}: {len(matched) - len(outlines)} of {count(len(matched), 'outline')} cannot be used, "
            f"so they seem to be of other films; {'; '.join(notes)}"
        )
    if len(named) > len(matched):
        notes.insert(0, f"{count(len(named) - len(matched), 'film')} left out, whose outlines are known to be wrong")
    without = len(manifest) - len(named)
    if without:
        notes.insert(0, f"{count(without, 'film')} without an outline left out; {len(outlines)} films remain")
    unused = len(found.keys() - films.keys())
    if unused:
        notes.append(f"{count(unused, 'outline')} of no film that was named")
    return OutlinedFilms(outlines, tuple(notes))


def split_outlined(outlines: Sequence[Outline], folds: int, seed: int, held_out: int = 0) -> list[Outline]:
    """The same outlines, with one of several parts of the patients as `val` and the others as `train`.

    Films of one patient, and films with the same bytes, share a part. A film of an unknown patient stands for itself.

    Args:
        outlines: of films.
        folds: the number of parts.
        seed: of the order in which patients go to parts.
        held_out: which part is `val`, from 0.

    Raises:
        LayoutError: there are fewer patients than parts.
    """
    alone = [replace(each.film, patient=each.film.patient or f"unknown {each.film.sha256}") for each in outlines]
    groups = sorted(inseparable(alone, "patient"), key=lambda group: order_of(group, seed, "patient"))
    if len(groups) < folds:
        raise LayoutError(
            f"outlines.folds = {folds}: the films with outlines are of {count(len(groups), 'patient')}; name more "
            f"films, or set outlines.folds={max(2, len(groups))}"
        )
    held = {film.path for group in groups[held_out::folds] for film in group}
    return [
        replace(each, film=replace(each.film, split="val" if each.film.path in held else "train"))
        for each in outlines
    ]


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _fault_of(film: Film, path: str, digest: str) -> str:
    """Why an outline cannot teach anything about a film, in words; empty if it can."""
    try:
        lungs = read_outline(path, digest)
        if not _same_aspect(lungs.shape, _shape_of(film)):
            return "the outline has another shape than its film"
    except FilmError as error:
        return f"it cannot be read ({error.reason})"
    return fault_of_shape(lungs)


def _shape_of(film: Film) -> tuple[int, int]:
    """Height and width of a film, as its header announces them where it has such a one."""
    if "#" not in film.path:
        try:
            announced = announced_by(read_regular(film.path))
        except OSError:
            announced = None
        if announced is not None:
            return announced.height, announced.width
    height, width = pixels.decode(film.path).shape
    return height, width


def _same_aspect(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    ratio = (one[0] * other[1]) / (one[1] * other[0])
    return abs(ratio - 1) <= _ASPECT
