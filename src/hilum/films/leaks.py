"""Leaks: patients and films that are in two splits, so that figures on one of them are too good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hilum.errors import LayoutError
from hilum.films.contents import EMPTY
from hilum.films.wording import count, listed, say
from hilum.records import Film, Manifest

PAIRS = (("train", "val"), ("train", "test"), ("val", "test"))


@dataclass(frozen=True, slots=True)
class Leak:
    """One patient, or one film's bytes, in two splits.

    Attributes:
        what: `patient` or `film`.
        name: the patient, or the film's path in the second split.
        splits: the two, in the order train, val, test.
        films: the films of the patient, or with these bytes, in either split, in the manifest's order.
    """

    what: Literal["patient", "film"]
    name: str
    splits: tuple[str, str]
    films: tuple[Film, ...]


def leaks(films: Manifest | Sequence[Film]) -> tuple[Leak, ...]:
    """Find patients with films in two splits, and films that are in two splits byte for byte, by split and by name.

    Films of unknown patients and empty files do not count.
    """
    found: list[Leak] = []
    by_patient, by_bytes = defaultdict(list), defaultdict(list)
    for film in films:
        if film.patient:
            by_patient[film.patient].append(film)
        if film.sha256 and film.sha256 != EMPTY:
            by_bytes[film.sha256].append(film)
    for splits in PAIRS:
        for patient in sorted(by_patient):
            if group := _in_both(by_patient[patient], splits):
                found.append(Leak("patient", patient, splits, group))
        for same in by_bytes.values():
            if group := _in_both(same, splits):
                there = next(film for film in group if film.split == splits[1])
                found.append(Leak("film", there.path, splits, group))
    return tuple(found)


def describe_leaks(films: Sequence[Film]) -> tuple[str, ...]:
    """Notes on the leaks, one for each kind and pair of splits, and on unknown patients."""
    notes = []
    found = leaks(films)
    for one, other in PAIRS:
        here = [leak for leak in found if leak.splits == (one, other)]
        patients = [leak.name for leak in here if leak.what == "patient"]
        if patients:
            excuse = "" if other == "val" else ", unless the numbering restarts there, as in Kermany's test folder"
            notes.append(
                f"LEAK: {count(len(patients), 'patient')} ({listed(patients)}) with films in both {one} and "
                f"{other}: {other} looks better than it is{excuse}"
            )
        copies = [film.path for leak in here if leak.what == "film" for film in leak.films if film.split == other]
        if copies:
            notes.append(
                f"LEAK: {count(len(copies), 'film')} of {other} also in {one}, byte for byte: {listed(copies)}"
            )
    unknown = [film for film in films if film.split and not film.patient]
    if unknown and len({film.split for film in films if film.split}) > 1:
        notes.append(f"{count(len(unknown), 'film')} of unknown patients: two splits may share patients")
    return tuple(notes)


def refuse_leaks(manifest: Manifest, allowed: str = "") -> None:
    """Refuse to train on films if a patient is in train and val, or a film, byte for byte, in two splits.

    A patient's name that is also in test is noted at indexing and not refused here: numbering often restarts there,
    as in Kermany's test folder, and training does not use test.

    Args:
        manifest: the films with their splits.
        allowed: the reason why leaks are allowed, a recipe's `leaks_allowed`; empty if they are not.

    Raises:
        LayoutError: there is a leak that is not allowed. The message names the first, and how many more there are.
    """
    found = [leak for leak in leaks(manifest) if leak.what == "film" or "test" not in leak.splits]
    if not found or allowed.strip():
        return
    first = found[0]
    one, other = (next(film for film in first.films if film.split == split) for split in first.splits)
    what = f"patient {say(first.name)} has films" if first.what == "patient" else "one film is, byte for byte,"
    others = [
        count(number, noun)
        for noun in ("patient", "film")
        if (number := len({leak.name for leak in found[1:] if leak.what == noun} - {first.name}))
    ]
    more = f" (likewise {' and '.join(others)})" if others else ""
    raise LayoutError(
        f"{what} in {one.split} ({say(one.path)}) and in {other.split} ({say(other.path)}){more}: "
        f"{other.split} would look better than it is; put all of them into one split in the manifest (hilum index "
        "DIR on folders without train and val splits by patient), or give a reason in the recipe why they may stay, "
        'such as leaks_allowed = "two patients of one name"'
    )


def _in_both(films: list[Film], splits: tuple[str, str]) -> tuple[Film, ...]:
    """The films of two splits, if both have some."""
    chosen = tuple(film for film in films if film.split in splits)
    return chosen if {film.split for film in chosen} == set(splits) else ()
