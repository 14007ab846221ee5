"""Folders of classes: `{train,val,test}/{CLASS}/*`, or `{CLASS}/*`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hilum.errors import LayoutError
from hilum.films.discovery import SkippedFiles, SourceFilms, is_film, listing, walk
from hilum.films.names import NameReader
from hilum.films.wording import count, listed, say
from hilum.records import SPLITS, Film

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_LAYOUTS = "{train,val,test}/CLASS/* or CLASS/*"


def read_folder(source: str, naming: NameReader) -> SourceFilms:
    """The films of a folder of classes, with the folder's own splits where it has them.

    Films below a class folder belong to the class, in sub-folders too.

    Raises:
        LayoutError: the folder does not say which film is of which class, or its splits disagree about the classes.
    """
    return _Reading(source, naming).read()


@dataclass(slots=True)
class _Reading:
    source: str
    naming: NameReader
    skipped: SkippedFiles = field(default_factory=SkippedFiles)
    notes: list[str] = field(default_factory=list)

    def read(self) -> SourceFilms:
        folders, files = listing(self.source)
        own = [name for name in folders if name.lower() in SPLIT_NAMES]
        loose = self.loose_films(self.source, files)
        if own:
            films = self.read_splits(own, [name for name in folders if name not in own])
        else:
            films = self.read_classes(folders, loose)
            self.refuse_lone_class(films, [name for name in files if name.lower().endswith(".csv")])
        if loose:
            self.notes.append(
                f"{say(self.source)}: {count(len(loose), 'film')} left out, in no class folder ({listed(loose)})"
            )
        return SourceFilms(tuple(films), (*self.notes, *self.skipped.notes(self.source)))

    def loose_films(self, folder: str, files: list[str]) -> list[str]:
        films = []
        for name in files:
            path = os.path.join(folder, name)
            if is_film(path):
                films.append(name)
            else:
                self.skipped.add(path)
        return films

    def read_classes(self, folders: list[str], loose: list[str]) -> list[Film]:
        source = say(self.source)
        for name in folders:
            inner = [each for each in listing(os.path.join(self.source, name))[0] if each.lower() in SPLIT_NAMES]
            if inner:
                raise LayoutError(
                    f"{source}: '{say(name)}' holds {listed(inner)}, so it is a data set, not a class; "
                    f"name it: {say(os.path.join(self.source, name))}"
                )
        films = self.films_of("", folders)
        if films:
            return films
        if loose:
            raise LayoutError(
                f"{source}: {count(len(loose), 'film')} but no class folders, so nothing says what they show; "
                f"arrange them as {_LAYOUTS}, or list them in a CSV with a column of paths and one of labels"
            )
        raise LayoutError(f"{source}: no films (JPEG, PNG or DICOM) in it; it should hold {_LAYOUTS}")

    def refuse_lone_class(self, films: list[Film], tables: list[str]) -> None:
        """One folder beside a table, or of folders, is no class but where the data set's images or classes lie."""
        labels = {film.label for film in films}
        if len(labels) > 1:
            return
        (label,) = labels
        if tables:
            raise LayoutError(
                f"{say(self.source)}: one folder of films, '{say(label)}', beside {listed(tables)}; if the table "
                f"says what the films show, name it: {say(os.path.join(self.source, tables[0]))}"
            )
        top = os.path.join(self.source, label)
        inner = sorted({os.path.relpath(film.path, top).split(os.sep)[0] for film in films})
        if len(inner) > 1 and all(os.path.isdir(os.path.join(top, name)) for name in inner):
            raise LayoutError(
                f"{say(self.source)}: one class folder, '{say(label)}', with films only in its sub-folders "
                f"({listed(inner)}); if those are the classes, name {say(top)}, if not, move the films up into it"
            )

    def read_splits(self, own: list[str], beside: list[str]) -> list[Film]:
        self.refuse_mixture(own, beside)
        by_split: dict[str, str] = {}
        for name in own:
            split = SPLIT_NAMES[name.lower()]
            if split in by_split:
                raise LayoutError(
                    f"{say(self.source)}: '{by_split[split]}' and '{name}' are both the split {split}; merge them"
                )
            by_split[split] = name
        films: list[Film] = []
        for split in SPLITS:
            if split in by_split:
                films += self.read_split(split, by_split[split])
        if not films:
            raise LayoutError(f"{say(self.source)}: no films (JPEG, PNG or DICOM) in {', '.join(own)}")
        self.compare_classes(films)
        return films

    def read_split(self, split: str, name: str) -> list[Film]:
        folder = os.path.join(self.source, name)
        folders, files = listing(folder)
        loose = self.loose_films(folder, files)
        films = self.films_of(name, folders, split)
        if loose and not films:
            raise LayoutError(
                f"{say(folder)}: {count(len(loose), 'film')} but no class folders; arrange them as {name}/CLASS/* "
                f"(a class cannot be called '{name}', which is a split)"
            )
        if loose:
            self.notes.append(
                f"{say(folder)}: {count(len(loose), 'film')} left out, in no class folder ({listed(loose)})"
            )
        return films

    def films_of(self, below: str, classes: list[str], split: str = "") -> list[Film]:
        films = []
        for label in classes:
            folder = os.path.join(self.source, below, label)
            paths = walk(folder, self.skipped)
            if not paths:
                self.notes.append(f"{say(folder)}: no films in it, so it is not taken as a class")
            for path in paths:
                name = self.naming.read(os.path.relpath(path, folder).replace(os.sep, "/"))
                films.append(
                    Film(os.path.normpath(path), label=label, subtype=name.subtype, patient=name.patient, split=split)
                )
        return films

    def refuse_mixture(self, own: list[str], beside: list[str]) -> None:
        """Folders beside the splits: a stray copy of the data set (Kaggle's archive has one), or classes?"""
        for name in beside:
            folder = os.path.join(self.source, name)
            if any(is_film(os.path.join(folder, file)) for file in listing(folder)[1]):
                raise LayoutError(
                    f"{say(self.source)}: holds splits ({listed(own)}) and a folder of films, '{say(name)}', side by "
                    "side; "
                    f"arrange all of it as {_LAYOUTS} (a class cannot be called {', '.join(SPLIT_NAMES)})"
                )
        if beside:
            self.notes.append(f"{say(self.source)}: left out beside the splits: {listed(beside)}")

    def compare_classes(self, films: list[Film]) -> None:
        classes = {split: {film.label for film in films if film.split == split} for split in SPLITS}
        known = classes["train"] or classes["val"] or classes["test"]
        for split in ("val", "test"):
            unknown = sorted(classes[split] - known)
            if unknown:
                raise LayoutError(
                    f"{say(self.source)}: {split} has the class {listed(unknown)}, which train has not "
                    f"({listed(sorted(known), 9)}); give the class folders the same names in every split"
                )
            lacking = sorted(known - classes[split])
            if classes[split] and lacking:
                self.notes.append(f"{say(self.source)}: {split} has no film of {listed(lacking)}")
