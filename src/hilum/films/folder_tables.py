"""A folder of films with a table of its owner's: which of the tables in it lists its films, and what it says."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from hilum.errors import LayoutError
from hilum.films import any_table, datasets
from hilum.films.class_names import ClassNames
from hilum.films.columns import Columns, find_columns
from hilum.films.discovery import SkippedFiles, SourceFilms, listing, walk
from hilum.films.film_rows import RowMerger
from hilum.films.findings import Uncertain
from hilum.films.names import NameReader
from hilum.films.other_pictures import leave_out_others
from hilum.films.split_names import split_of
from hilum.films.table_text import ENDINGS, parse, read_text
from hilum.films.wording import count, listed, say
from hilum.records import is_manifest_header

_FORM = re.compile(r"(?:sample ?)?submissions?\b.*")  # Kaggle's, with an invented label for each film of the test


def read_folder_with_columns(
    folder: str, columns: Columns, naming: NameReader, class_names: ClassNames | None, uncertain: Uncertain
) -> SourceFilms:
    """The films of a folder by the table in it that has the columns that the user named.

    Raises:
        LayoutError: no table in it has them and lists its films, or several have; else as `read_folder`.
    """
    found = read_folder(folder, columns, naming, class_names, uncertain)
    if found is None:
        raise LayoutError(
            f"{say(folder)}: a column was named, but only tables (.csv, .tsv) have columns, and none in it has this "
            "one and lists its films; name the table in place of the folder"
        )
    return found


def read_folder(
    folder: str, columns: Columns, naming: NameReader, class_names: ClassNames | None, uncertain: Uncertain
) -> SourceFilms | None:
    """The films of a folder that one table in it lists, or several that list different films; None if none does.

    The tables are those in the folder and in the folders directly below it. A table lists the films if it has a
    column of paths and one of labels, and all its films lie in the folder. Where the films of a table have no
    split, its name may be one (`train.csv`). Films that no table lists are left out, with a note.

    Raises:
        LayoutError: several tables list the same films, or the only table is damaged or lacks a column or films.
    """
    paths = _tables(folder)
    skipped = SkippedFiles()
    there = tuple(os.path.normpath(path) for path in leave_out_others(walk(folder, skipped), folder, skipped))
    read: dict[str, SourceFilms] = {}
    faults: list[LayoutError] = []
    for path in paths:
        try:
            read[path] = _read(path, folder, there, columns, naming, class_names, uncertain)
        except LayoutError as error:
            if not path.lower().endswith((".txt", ".txt.gz")):  # a text beside the films may be no table
                faults.append(error)
    if not read:
        if len(faults) == 1:
            raise faults[0]
        return None
    films = {film.path: film for found in read.values() for film in found.films}
    if len(films) < sum(len(found.films) for found in read.values()):
        raise LayoutError(f"{say(folder)}: several tables list the same films ({listed(read, 9)}); name one of them")
    notes = [note for found in read.values() for note in found.notes]
    for path in read:
        skipped.other.pop(path, None)
    if rest := [path for path in there if path not in films]:
        notes.append(f"{say(folder)}: {count(len(rest), 'film')} left out, which {listed(read)} does not list")
    return SourceFilms(
        tuple(films.values()),
        (*notes, *skipped.notes(folder)),
        below=tuple(path for found in read.values() for path in found.below),
        findings=frozenset().union(*(found.findings for found in read.values())),
    )


def unread_tables(folder: str) -> list[str]:
    """A note on each table in a folder of classes that has a column of patients or splits, which nothing read."""
    notes = []
    for path in _tables(folder):
        try:
            table = parse(path, read_text(path))
            places, _ = find_columns(table, Columns(), ())
        except LayoutError:
            continue
        found = [f"{what}s ('{say(table.header[places[what]])}')" for what in ("patient", "split") if what in places]
        if found and "path" in places and not is_manifest_header(table.header):
            notes.append(
                f"{say(path)}: not read, since the folders give the classes; it has a column of "
                f"{' and '.join(found)}; to use it, name the table, which then needs a column of labels too"
            )
    return notes


def _tables(folder: str) -> list[str]:
    below, files = listing(folder)
    paths = [os.path.join(folder, name) for name in files]
    for name in below:
        paths += [os.path.join(folder, name, file) for file in listing(os.path.join(folder, name))[1]]
    return [path for path in paths if path.lower().endswith(ENDINGS) and not _FORM.fullmatch(_stem(path))]


def _stem(path: str) -> str:
    return re.sub(r"[\W_]+", " ", os.path.basename(path).split(".")[0].lower()).strip()


def _read(
    path: str,
    folder: str,
    there: tuple[str, ...],
    columns: Columns,
    naming: NameReader,
    class_names: ClassNames | None,
    uncertain: Uncertain,
) -> SourceFilms:
    known, table = datasets.recognise(path, read_text(path))
    if is_manifest_header(table.header) or any(name.startswith("prob_") for name in table.header):
        raise LayoutError(f"{say(path)}: a table that Hilum wrote; to use it, name it in place of the folder")
    if known is not None and columns.path is None and columns.label is None:
        rows = any_table.with_named_columns(datasets.with_classes(known.read(table), class_names), table, columns)
    else:
        rows = any_table.read(table, columns, class_names or {})
    found = RowMerger(replace(rows, root=folder, there=there), naming, uncertain).films()
    split = split_of(_stem(path)) or split_of(os.path.basename(os.path.dirname(os.path.relpath(path, folder))))
    if not split or any(film.split for film in found.films):
        return replace(found, notes=(f"{say(folder)}: read by its table {say(path)}", *found.notes))
    note = f"{say(folder)}: read by its table {say(path)}, whose name or folder gives the split {split}"
    return replace(found, films=tuple(replace(film, split=split) for film in found.films), notes=(note, *found.notes))
