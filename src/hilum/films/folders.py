"""Folders of classes: `{train,val,test}/{CLASS}/*`, or `{CLASS}/*`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hilum.errors import LayoutError
from hilum.films.class_names import fold
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
        LayoutError: the folder does not show which film is of which class, or its splits have different classes.
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
                f"{say(self.source)}: {count(len(loose), 'film')} skipped, in no class folder ({listed(loose)})"
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
                    f"give it instead: {say(os.path.join(self.source, name))}"
                )
        films = self.films_of("", folders)
        if films:
            return films
        if loose:
            raise LayoutError(
                f"{source}: {count(len(loose), 'film')} but no class folders, so their labels are unknown; "
                f"arrange them as {_LAYOUTS}, or list them in a CSV with a column of paths and one of labels"
            )
        raise LayoutError(f"{source}: no films (JPEG, PNG or DICOM) in it; it should hold {_LAYOUTS}")

    def refuse_lone_class(self, films: list[Film], tables: list[str]) -> None:
        """Refuse a single class folder that is rather the folder of a table's images, or of the classes."""
        labels = {film.label for film in films}
        if len(labels) > 1:
            return
        (label,) = labels
        if tables:
            raise LayoutError(
                f"{say(self.source)}: one folder of films, '{say(label)}', beside {listed(tables)}; if the table "
                f"has the films' labels, give it instead: {say(os.path.join(self.source, tables[0]))}"
            )
        top = os.path.join(self.source, label)
        inner = sorted({os.path.relpath(film.path, top).split(os.sep)[0] for film in films})
        if len(inner) > 1 and all(os.path.isdir(os.path.join(top, name)) for name in inner):
            raise LayoutError(
                f"{say(self.source)}: one class folder, '{say(label)}', with films only in its sub-folders "
                f"({listed(inner)}); if those are the classes, give {say(top)} instead; else move the films up"
            )

    def read_splits(self, splits: list[str], other: list[str]) -> list[Film]:
        self.refuse_mixture(splits, other)
        by_split: dict[str, str] = {}
        for name in splits:
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
            raise LayoutError(f"{say(self.source)}: no films (JPEG, PNG or DICOM) in {', '.join(splits)}")
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
                f"{say(folder)}: {count(len(loose), 'film')} skipped, in no class folder ({listed(loose)})"
            )
        return films

    def films_of(self, below: str, classes: list[str], split: str = "") -> list[Film]:
        films = []
        for label in classes:
            folder = os.path.join(self.source, below, label)
            paths = walk(folder, self.skipped)
            if not paths:
                self.notes.append(f"{say(folder)}: no films in it, so it is not used as a class")
            for path in paths:
                name = self.naming.read(os.path.relpath(path, folder).replace(os.sep, "/"))
                films.append(
                    Film(os.path.normpath(path), label=label, subtype=name.subtype, patient=name.patient, split=split)
                )
        return films

    def refuse_mixture(self, splits: list[str], other: list[str]) -> None:
        """Refuse folders of films beside the splits, and note others, such as the stray copy in Kaggle's archive."""
        for name in other:
            folder = os.path.join(self.source, name)
            if any(is_film(os.path.join(folder, file)) for file in listing(folder)[1]):
                raise LayoutError(
                    f"{say(self.source)}: holds splits ({listed(splits)}) and a folder of films, '{say(name)}', side "
                    "by side; "
                    f"arrange all of it as {_LAYOUTS} (a class cannot be called {', '.join(SPLIT_NAMES)})"
                )
        if other:
            self.notes.append(f"{say(self.source)}: skipped beside the splits: {listed(other)}")

    def compare_classes(self, films: list[Film]) -> None:
        classes = {split: {film.label for film in films if film.split == split} for split in SPLITS}
        known = classes["train"] or classes["val"] or classes["test"]
        for split in ("val", "test"):
            spelt = {fold(name) for name in known}
            unknown = sorted(name for name in classes[split] - known if fold(name) not in spelt)
            if unknown:
                raise LayoutError(
                    f"{say(self.source)}: {split} has the class {listed(unknown)}, which train does not have "
                    f"({listed(sorted(known), 9)}); give the class folders the same names in every split"
                )
            here = {fold(name) for name in classes[split]}
            lacking = sorted(name for name in known if fold(name) not in here)
            if classes[split] and lacking:
                self.notes.append(f"{say(self.source)}: {split} has no film of {listed(lacking)}")
