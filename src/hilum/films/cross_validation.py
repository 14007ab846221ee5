"""Cross-validation: every film is held out once, together with all films of its patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hilum.errors import LayoutError
from hilum.films.split import SplitBy, inseparable, order_of, stratum_of
from hilum.films.wording import count, say
from hilum.records import Film, Manifest


def folds(manifest: Manifest, number: int, seed: int, key: str = "members.folds") -> list[Manifest]:
    """The films outside test, once for each fold, with the fold as `val` and all others as `train`.

    Films of one patient and films with the same bytes share a fold. Each class and cause is spread evenly: patients,
    in an order that depends on the seed and their names, are put into the fold with the fewest films of that kind.

    Args:
        manifest: films of train, val and test.
        number: the number of folds.
        seed: of the order.
        key: the recipe's key for the number of folds; errors name it.

    Raises:
        LayoutError: a class has fewer patients than there are folds.
    """
    pool = pool_of(manifest)
    # If patients are unknown, the manifest was split by film when it was made, or it would not have been made.
    by: SplitBy = "patient" if all(film.patient for film in pool) else "film"
    groups = sorted(inseparable(pool, by), key=lambda group: order_of(group, seed, by))
    held: list[Counter[object]] = [Counter() for _ in range(number)]
    fold_of: dict[str, int] = {}
    for group in groups:
        stratum = stratum_of(group)
        fold = min(range(number), key=lambda each: (held[each][stratum], held[each].total(), each))
        held[fold][stratum] += len(group)
        fold_of.update((film.path, fold) for film in group)
    for label in sorted({film.label for film in pool}):
        in_folds = {fold_of[film.path] for film in pool if film.label == label}
        if len(in_folds) < number:
            what = "patients" if by == "patient" else "films"
            raise LayoutError(
                f"{count(number, 'fold')} need as many {what} of {label}, and there are {len(in_folds)}; "
                f"set {key}={max(2, len(in_folds))}"
            )
    return _held_out(pool, fold_of, number)


def folds_by_group(manifest: Manifest, group_of: Mapping[str, int]) -> list[Manifest]:
    """The films outside test, once for each group, with the group as `val` and all others as `train`.

    Args:
        manifest: films of train, val and test.
        group_of: the number of each film's group, from 0, by the film's path; a patient's films share one.

    Raises:
        LayoutError: films of one patient are in two groups, so that a fold would have the patient on both sides.
    """
    pool = pool_of(manifest)
    of_patient: dict[str, int] = {}
    for film in pool:
        if film.patient and of_patient.setdefault(film.patient, group_of[film.path]) != group_of[film.path]:
            raise LayoutError(
                f"films of the patient {say(film.patient)} are in two groups; put all films of a patient into one"
            )
    return _held_out(pool, group_of, max(group_of[film.path] for film in pool) + 1)


def pool_of(manifest: Manifest) -> list[Film]:
    """The films that folds are cut of: labelled, of train and val."""
    return [film for film in manifest if film.split in ("train", "val") and film.label]


def _held_out(pool: Sequence[Film], fold_of: Mapping[str, int], number: int) -> list[Manifest]:
    return [
        Manifest(tuple(replace(film, split="val" if fold_of[film.path] == fold else "train") for film in pool))
        for fold in range(number)
    ]
