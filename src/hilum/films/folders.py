"""Folders of classes: `{train,val,test}/{CLASS}/*`, or `{CLASS}/*`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hilum.errors import LayoutError
from hilum.films.class_names import fold, is_known_class
from hilum.films.clinical_readings import with_clinical_readings
from hilum.films.discovery import SkippedFiles, SourceFilms, is_film, listing, walk
from hilum.films.inner_folders import classes_below, inner_data_set, splits_in_classes, with_classes_below
from hilum.films.names import read_name, scheme_of
from hilum.films.other_pictures import is_mask_folder, leave_out_others
from hilum.films.split_names import SPLIT_NAMES, split_folders
from hilum.films.wording import count, listed, say
from hilum.records import SPLITS, Film

_LAYOUTS = "{train,val,test}/CLASS/* or CLASS/*"
# Folders that hold the films of a split whose classes nobody gives.
_NO_CLASS = frozenset({"images", "image", "imgs", "img", "films", "pictures", "data", "dicom", "png", "jpg", "jpeg"})
_UNLABELLED = frozenset({"unlabelled", "unlabeled", "unknown", "unclassified", "samples", "inference", "predict"})


def read_folder(source: str) -> SourceFilms:
    """The films of a folder of classes, with the folder's own splits where it has them.

    Films below a class folder belong to the class, in sub-folders too. Films of `test` without class folders have no
    label.

    Raises:
        LayoutError: the folder does not show which film is of which class, or its splits have different classes.
    """
    return _Reading(source).read()


@dataclass(slots=True)
class _Reading:
    source: str
    skipped: SkippedFiles = field(default_factory=SkippedFiles)
    notes: list[str] = field(default_factory=list)
    below: dict[str, str] = field(default_factory=dict)  # by a film's path: its path below the class folder

    def read(self) -> SourceFilms:
        folders, files = listing(self.source, self.skipped)
        tables = [name for name in files if name.lower().endswith((".csv", ".tsv", ".xlsx", ".xls", ".ods"))]
        loose = self.loose_films(self.source, files)
        splits = split_folders(folders)
        if splits:
            self.note_names_of_splits(splits)
            films = self.read_splits(splits, [name for name in folders if name not in splits])
        elif classes := splits_in_classes(self.source, folders):
            splits = {name: split for inside in classes.values() for name, split in inside.items()}
            films = self.read_classes_of_splits(classes)
        elif len(folders) == 1 and not loose and (inner := inner_data_set(os.path.join(self.source, folders[0]))):
            return self.read_inner(inner)
        else:
            self.refuse_inner_data_set(folders)
            films = self.films_of("", folders)
        films, loose = self.without_other_pictures(films, loose)
        if found := classes_below(films, self.below):
            path, (label, _) = next(iter(found.items()))
            self.notes.append(f"{say(self.source)}: classes read from the inner folders: {say(path)} → {say(label)}")
            films = with_classes_below(films, self.below, found)
        if by_name := self.labelled_by_name([*films, *(Film(path) for path in loose)]):
            films, loose = with_clinical_readings(by_name, self.skipped), []
        elif splits:
            self.check_splits(films, splits)
        else:
            self.refuse_without_classes(films, loose)
            inner = self.classes_within(films)
            if inner:
                return self.read_inner(inner)
            self.refuse_lone_class(films, tables)
        self.note_loose(self.source, loose)
        below = tuple(self.below.get(film.path, os.path.basename(film.path)) for film in films)
        return SourceFilms(tuple(films), (*self.notes, *self.skipped.notes(self.source)), below=below)

    def read_inner(self, inner: str) -> SourceFilms:
        """What a folder inside holds, where that alone holds the classes or splits."""
        found = read_folder(inner)
        note = f"{say(self.source)}: the classes were read from {say(inner)}"
        return replace(
            found, notes=(*self.notes, note, *found.notes, *self.skipped.outside(inner).notes(self.source))
        )

    def note_names_of_splits(self, splits: dict[str, str]) -> None:
        if not all(name.lower() in SPLIT_NAMES for name in splits):
            read = ", ".join(f"{say(name)} → {split}" for name, split in splits.items())
            self.notes.append(f"{say(self.source)}: folders that were read as splits: {read}")

    def loose_films(self, folder: str, files: list[str]) -> list[str]:
        return [path for name in files if is_film(path := os.path.join(folder, name), self.skipped)]

    def note_loose(self, folder: str, loose: list[str]) -> None:
        if loose:
            names = listed(os.path.basename(path) for path in loose)
            self.notes.append(f"{say(folder)}: {count(len(loose), 'film')} skipped, in no class folder ({names})")

    def films_of(self, below: str, classes: list[str], split: str = "") -> list[Film]:
        films = []
        empty: list[str] = []
        for label in classes:
            folder = os.path.join(self.source, below, label)
            paths = walk(folder, self.skipped)
            if not paths:
                empty.append(folder)
            for path in paths:
                name = os.path.normpath(path)
                self.below[name] = os.path.relpath(path, folder).replace(os.sep, "/")
                films.append(Film(name, label=label, subtype=read_name(path).subtype, split=split))
        if len(empty) == 1:
            self.notes.append(f"{say(empty[0])}: no films in it, so it is not used as a class")
        elif empty:
            self.notes.append(f"{len(empty)} folders without films, not used as classes ({listed(empty)})")
        return films

    def without_other_pictures(self, films: list[Film], loose: list[str]) -> tuple[list[Film], list[str]]:
        """The films without masks, thumbnails and the like; a class of nothing else is none."""
        kept = set(leave_out_others([*(film.path for film in films), *loose], self.source, self.skipped))
        return [film for film in films if film.path in kept], [path for path in loose if path in kept]

    def labelled_by_name(self, films: list[Film]) -> list[Film]:
        """The films with the classes that a published naming scheme gives them, if the folders give none.

        They give none if films lie in no class folder, or if a folder holds films of both classes of the scheme.
        """
        schemes = {film.path: scheme for film in films if (scheme := scheme_of(film.path)) and scheme.labels}
        if not films or len(schemes) < len(films):
            return []
        labels = {film.path: scheme.label_of(film.path) for film in films if (scheme := schemes[film.path])}
        folders = {(film.split, film.label, labels[film.path]) for film in films if film.label}
        if all(film.label for film in films) and len(folders) == len({names[:2] for names in folders}) > 1:
            return []
        titles = dict.fromkeys(scheme.title for scheme in schemes.values())
        one_of_each = {label: path for path, label in labels.items()}
        examples = ", ".join(f"{say(os.path.basename(path))} → {label}" for label, path in one_of_each.items())
        self.notes.append(
            f"{say(self.source)}: classes read by {' and '.join(titles)} file names, for example {examples}"
        )
        return [replace(film, label=labels[film.path]) for film in films]

    # ------------------------------------------------------------------------------------------- CLASS/*

    def refuse_inner_data_set(self, folders: list[str]) -> None:
        for name in folders:
            if inner := inner_data_set(os.path.join(self.source, name)):
                raise LayoutError(
                    f"{say(self.source)}: '{say(os.path.relpath(inner, self.source))}' holds "
                    f"{listed(split_folders(listing(inner)[0]))}, so it is a data set, not a class; "
                    f"give it instead: {say(inner)}"
                )

    def refuse_without_classes(self, films: list[Film], loose: list[str]) -> None:
        source = say(self.source)
        if films:
            return
        if loose:
            raise LayoutError(
                f"{source}: {count(len(loose), 'film')} but no class folders, so their labels are unknown; "
                f"arrange them as {_LAYOUTS}, or list them in a CSV with a column of paths and one of labels"
            )
        why = "; ".join(note.partition(": ")[2] for note in self.skipped.notes(self.source))
        raise LayoutError(f"{source}: no films in it; it should hold {_LAYOUTS}{f' ({why})' if why else ''}")

    def classes_within(self, films: list[Film]) -> str:
        """The one folder that holds the class folders, if that is plain from their names; else nothing."""
        labels = {film.label for film in films}
        (label, *others) = labels
        inner = {path.split("/")[0] for film in films if "/" in (path := self.below[film.path])}
        plain = len(inner) > 1 and any(map(is_known_class, inner)) and not is_known_class(label)
        return "" if others or not plain else os.path.join(self.source, label)

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
        inner = sorted({self.below[film.path].split("/")[0] for film in films})
        if len(inner) > 1 and all(os.path.isdir(os.path.join(top, name)) for name in inner):
            raise LayoutError(
                f"{say(self.source)}: one class folder, '{say(label)}', with films only in its sub-folders "
                f"({listed(inner)}); if those are the classes, give {say(top)} instead; else move the films up"
            )

    # ------------------------------------------------------------------------------------------- SPLIT/CLASS/*

    def read_classes_of_splits(self, classes: dict[str, dict[str, str]]) -> list[Film]:
        """Films of `CLASS/{train,val,test}/*`."""
        self.notes.append(f"{say(self.source)}: splits read from the folders below the classes {listed(classes)}")
        return [
            replace(film, label=label)
            for label, splits in classes.items()
            for name, split in splits.items()
            for film in self.films_of(label, [name], split)
        ]

    def read_splits(self, splits: dict[str, str], other: list[str]) -> list[Film]:
        by_split: dict[str, str] = {}
        for name, split in splits.items():
            if split in by_split:
                raise LayoutError(
                    f"{say(self.source)}: '{by_split[split]}' and '{name}' are both the split {split}; merge them"
                )
            by_split[split] = name
        extra = self.folders_of_films(other)
        films: list[Film] = []
        if set(by_split) == {"test"} and len(extra) > 1:  # CLASS/*, and a test without labels
            films += self.films_of("", extra, "train")
            other = [name for name in other if name not in extra]
        else:
            self.refuse_mixture(splits, extra)
        for split in SPLITS:
            if split in by_split:
                films += self.read_split(split, by_split[split], bool(films))
        if other:
            self.notes.append(f"{say(self.source)}: skipped beside the splits: {listed(other)}")
        return films

    def read_split(self, split: str, name: str, labelled_before: bool) -> list[Film]:
        folder = os.path.join(self.source, name)
        folders, files = listing(folder, self.skipped)
        loose = self.loose_films(folder, files)
        no_class = [each for each in folders if each.lower() in _NO_CLASS or is_mask_folder(each)]
        if labelled_before and len(no_class) == len(folders):
            loose += [path for each in no_class for path in walk(os.path.join(folder, each), self.skipped)]
            folders = []
        films = self.films_of(name, folders, split)
        if not loose or films:
            self.note_loose(folder, loose)
            return films
        if not labelled_before:
            raise LayoutError(
                f"{say(folder)}: {count(len(loose), 'film')} but no class folders; arrange them as {name}/CLASS/* "
                f"(a class cannot be called '{name}', which is a split)"
            )
        where = "" if split == "test" else f", in no split: {split} needs labels"
        self.notes.append(f"{say(folder)}: {count(len(loose), 'film')} without labels, indexed as such{where}")
        return [Film(os.path.normpath(path), split=split if split == "test" else "") for path in loose]

    def folders_of_films(self, names: list[str]) -> list[str]:
        """The folders beside the splits that hold films themselves, apart from masks and films without labels."""
        found = []
        for name in names:
            folder = os.path.join(self.source, name)
            inside = listing(folder)[1]
            if not (is_mask_folder(name) or fold(name) in _UNLABELLED) and any(
                is_film(os.path.join(folder, file)) for file in inside
            ):
                found.append(name)
        return found

    def refuse_mixture(self, splits: Iterable[str], extra: list[str]) -> None:
        if extra:
            raise LayoutError(
                f"{say(self.source)}: holds splits ({listed(splits)}) and a folder of films, '{say(extra[0])}', "
                f"side by side; arrange all of it as {_LAYOUTS} (a class cannot be called {', '.join(SPLIT_NAMES)})"
            )

    def check_splits(self, films: list[Film], splits: Iterable[str]) -> None:
        if not films:
            raise LayoutError(f"{say(self.source)}: no films in {', '.join(splits)}")
        classes = {split: {film.label for film in films if film.split == split and film.label} for split in SPLITS}
        known = classes["train"] or classes["val"] or classes["test"]
        if known and all(fold(name) in _NO_CLASS for name in known):
            raise LayoutError(
                f"{say(self.source)}: films in {listed(sorted(known))} of {listed(splits)}, which is no class; "
                f"arrange them as {_LAYOUTS}, or list them in a CSV with a column of paths and one of labels"
            )
        spelt = {fold(name) for name in known}
        for split in ("val", "test"):
            unknown = sorted(name for name in classes[split] - known if fold(name) not in spelt)
            if unknown:
                raise LayoutError(
                    f"{say(self.source)}: {split} has the class {listed(unknown)}, which train does not have "
                    f"({listed(sorted(known), 9)}); give the class folders the same names in every split"
                )
            here = {fold(name) for name in classes[split]}
            lacking = sorted(name for name in known if fold(name) not in here)
            if here and lacking:
                self.notes.append(f"{say(self.source)}: {split} has no film of {listed(lacking)}")
