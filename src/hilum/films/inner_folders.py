"""Where in a folder the classes are: in a folder inside it, or below a folder for each patient or hospital."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hilum.films.class_names import fold, is_known_class
from hilum.films.discovery import is_film, listing
from hilum.films.split_names import split_folders
from hilum.records import Film


def inner_data_set(folder: str) -> str:
    """The folder with splits: `folder` itself, its only sub-folder, or that one's, and so on; empty if there is none.

    Archives are unpacked into folders around their own: `ChestXRay2017/chest_xray/train`.
    """
    while True:
        folders, files = listing(folder)
        if split_folders(folders):
            return folder
        if len(folders) != 1 or any(is_film(os.path.join(folder, name)) for name in files):
            return ""
        folder = os.path.join(folder, folders[0])


def splits_in_classes(source: str, folders: Sequence[str]) -> dict[str, dict[str, str]]:
    """The splits in each class folder of `CLASS/{train,val,test}/*`; empty if the folders are not so arranged."""
    found = {}
    for name in folders:
        inside = listing(os.path.join(source, name))[0]
        splits = split_folders(inside)
        holding = [each for each in splits if _holds_films(os.path.join(source, name, each))]
        if not holding or len(inside) > len(splits):
            return {}
        found[name] = splits
    return found if len(found) > 1 else {}


def _holds_films(folder: str) -> bool:
    return any(is_film(os.path.join(folder, name)) for name in listing(folder)[1])


def classes_below(films: Sequence[Film], below: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The class of each film, and its path without it, where the classes lie below other folders: `PATIENT/CLASS/*`.

    They do if the folders directly below are all called as classes of chest films, two at least, and those above are
    not. Empty if not.

    Args:
        films: the films, each with the folder that would be its class.
        below: by a film's path, its path below that folder.
    """
    labelled = [film for film in films if film.label]
    inner = {film.path: below[film.path].split("/")[0] for film in labelled if "/" in below[film.path]}
    plain = len(inner) == len(labelled) and all(map(is_known_class, set(inner.values())))
    if not plain or len(set(map(fold, inner.values()))) < 2 or any(is_known_class(film.label) for film in labelled):
        return {}
    return {film.path: (inner[film.path], f"{film.label}/{below[film.path].partition('/')[2]}") for film in labelled}


def with_classes_below(
    films: Sequence[Film], below: dict[str, str], found: Mapping[str, tuple[str, str]]
) -> list[Film]:
    """The films with the classes that `classes_below` found; `below` gets their paths without them."""
    below.update({path: rest for path, (_, rest) in found.items()})
    return [replace(film, label=found[film.path][0]) if film.path in found else film for film in films]
