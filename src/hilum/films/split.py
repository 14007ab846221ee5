"""Cutting a validation split from train by patient, class and cause. Test is never touched."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hilum.errors import LayoutError
from hilum.films.contents import EMPTY
from hilum.films.wording import count, listed, say
from hilum.records import Film

# A validation set chooses the epoch and the threshold. With 100 films an accuracy of 90% is known to about
# ±6 points, with 20 films of a class a sensitivity of 90% to about ±13; below that, chance chooses. Kermany's own
# validation folder holds 16 films.
FEWEST_FILMS = 100
FEWEST_OF_A_CLASS = 20

SplitBy = Literal["patient", "film"]
Stratum = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Whether a validation split has to be cut, and why, in words."""

    cut: bool
    why: str = ""


def plan(films: Sequence[Film]) -> SplitPlan:
    """Keep the films' own val if it is large enough to choose by; without train there is nothing to cut."""
    train = [film for film in films if film.split == "train" and film.label]
    val = [film for film in films if film.split == "val" and film.label]
    if not train:
        return SplitPlan(False)
    if not val:
        return SplitPlan(True, "there is no validation split")
    if len(val) < FEWEST_FILMS:
        return SplitPlan(True, f"val has {count(len(val), 'film')}, too few to choose by (fewer than {FEWEST_FILMS})")
    of_class = Counter(film.label for film in val)
    for label in sorted({film.label for film in train}):
        if of_class[label] < FEWEST_OF_A_CLASS:
            return SplitPlan(
                True,
                f"val has {count(of_class[label], 'film')} of {say(label)}, fewer than {FEWEST_OF_A_CLASS}",
            )
    return SplitPlan(False)


def require_patients(films: Sequence[Film]) -> None:
    """Refuse to split films whose patients are unknown.

    Raises:
        LayoutError: a film that would be split has no patient.
    """
    pool = [film for film in films if _in_pool(film)]
    unknown = [film.path for film in pool if not film.patient]
    if unknown:
        raise LayoutError(
            f"{count(len(unknown), 'film')} of {len(pool)} without a known patient ({listed(unknown, 1)}), so val "
            "cannot be split by patient; give them with --patient-column COLUMN (of a table) or --patient-pattern "
            "'REGEX with (?P<patient>…)' (in the file's path), or split by film with --split-by film, which can put "
            "films of one patient on both sides and makes val look better than it is"
        )


def cut(films: Sequence[Film], val_fraction: float, seed: int, by: SplitBy) -> tuple[Film, ...]:
    """Split the labelled films of `train` and `val` into both anew.

    All films of a patient (if the split is by patient) and all films with the same bytes stay on one side. In each
    stratum, a class with a cause, whole patients go to val until it has the fraction of the stratum's films, in an
    order that depends only on the seed and the patient's name.
    """
    pool = [film for film in films if _in_pool(film)]
    strata: dict[Stratum, list[list[Film]]] = defaultdict(list)
    for group in inseparable(pool, by):
        strata[stratum_of(group)].append(group)
    chosen: set[str] = set()
    for groups in strata.values():
        groups.sort(key=lambda group: order_of(group, seed, by))
        for group in _fill(groups, val_fraction):
            chosen.update(film.path for film in group)
    return tuple(
        replace(film, split="val" if film.path in chosen else "train") if _in_pool(film) else film for film in films
    )


def _in_pool(film: Film) -> bool:
    return film.split in ("train", "val") and bool(film.label)


def inseparable(films: Sequence[Film], by: SplitBy) -> list[list[Film]]:
    """Groups of films that share a patient or bytes, directly or transitively (union-find)."""
    parent = list(range(len(films)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first: dict[tuple[str, str], int] = {}
    for place, film in enumerate(films):
        keys = []
        if by == "patient":
            keys.append(("patient", film.patient))
        if film.sha256 and film.sha256 != EMPTY:
            keys.append(("bytes", film.sha256))
        for key in keys:
            parent[root(place)] = root(first.setdefault(key, place))
    groups: dict[int, list[Film]] = defaultdict(list)
    for place, film in enumerate(films):
        groups[root(place)].append(film)
    return list(groups.values())


def stratum_of(group: list[Film]) -> Stratum:
    """The most frequent class and cause of a group's films; the first by name among equals."""
    tally = Counter((film.label, film.subtype) for film in group)
    return min(tally, key=lambda stratum: (-tally[stratum], stratum))


def order_of(group: list[Film], seed: int, by: SplitBy) -> tuple[str, str]:
    """A group's sort key, by the hash of its name, so that films added elsewhere change little."""
    name = min(film.patient if by == "patient" else film.sha256 or film.path for film in group)
    digest = hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).hexdigest()
    return digest, min(film.path for film in group)


def _fill(groups: list[list[Film]], fraction: float) -> list[list[Film]]:
    """The first groups that come closest to the fraction of films; of two or more, each side gets one."""
    target = fraction * sum(len(group) for group in groups)
    taken: list[list[Film]] = []
    held = 0
    for group in groups[:-1]:
        if taken and abs(held + len(group) - target) > abs(held - target):
            break
        taken.append(group)
        held += len(group)
        if held >= target:
            break
    return taken
