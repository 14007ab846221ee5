"""Public data sets of chest films that Hilum knows by their tables: how each says what a film shows and whose it is.

One module a data set. Each is recognised by the names of its tables' columns, whatever folder they lie in; a folder
is recognised by a table of a known name in it, or in a folder directly below it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hilum.errors import LayoutError
from hilum.films.class_names import ClassNames
from hilum.films.datasets import chexpert, coronahack, covidx, mimic, nih, padchest, rsna, siim, vindr
from hilum.films.datasets.known import KnownDataSet
from hilum.films.discovery import SkippedFiles, SourceFilms, listing, walk
from hilum.films.film_rows import FilmRows, RowMerger
from hilum.films.findings import Uncertain
from hilum.films.names import NameReader
from hilum.films.table_text import TextTable, parse, read_text
from hilum.films.wording import count, listed, say
from hilum.records import Film

# MIMIC's labels have CheXpert's columns: the first that recognises a table reads it.
KNOWN: tuple[KnownDataSet, ...] = (
    rsna.DATA_SET, nih.DATA_SET, mimic.DATA_SET, chexpert.DATA_SET, vindr.DATA_SET, padchest.DATA_SET,
    siim.DATA_SET, coronahack.DATA_SET, covidx.DATA_SET,
)  # fmt: skip


_ANY_NAME = re.compile(r"(train|test|val|valid)\b")


def recognise(path: str, text: str) -> tuple[KnownDataSet | None, TextTable]:
    """The data set that a table is of, and the table.

    Raises:
        LayoutError: the text is no table.
    """
    if covidx.is_list(text):
        return covidx.DATA_SET, covidx.as_table(path, text)
    table = parse(path, text)
    return next((known for known in KNOWN if known.recognises(table)), None), table


def with_classes(source: FilmRows, class_names: ClassNames | None) -> FilmRows:
    """What a data set's tables say, with the classes that the user names in place of its own."""
    return replace(source, findings=source.findings.renamed(class_names or {})) if source.findings else source


def read_folder(
    folder: str, naming: NameReader, class_names: ClassNames | None = None, uncertain: Uncertain = "leave-out"
) -> SourceFilms | None:
    """The films of a folder that is a known data set, by its tables; None if it is none.

    Films that no table lists are left out, with a note.

    Raises:
        LayoutError: it holds tables of several data sets or several tables of the same films, or a table is damaged.
    """
    tables = _tables(folder)
    if not tables:
        return None
    if len(names := sorted({known.name for known, _ in tables})) > 1:
        raise LayoutError(
            f"{say(folder)}: holds tables of {listed(names, 9)}; name one of them: "
            f"{listed((table.path for _, table in tables), 9)}"
        )
    skipped = SkippedFiles()
    there = tuple(os.path.normpath(path) for path in walk(folder, skipped))
    films: dict[str, Film] = {}
    mentioned: set[str] = set()
    notes: list[str] = []
    below: list[str] = []
    findings: frozenset[str] = frozenset()
    for known, table in tables:
        source = with_classes(replace(known.read(table), root=folder, there=there), class_names)
        merger = RowMerger(source, naming, uncertain)
        read = merger.films()
        mentioned |= merger.listed
        if twice := [film.path for film in read.films if film.path in films]:
            raise LayoutError(
                f"{say(folder)}: {count(len(twice), 'film')} in {say(table.path)} and in another table "
                f"({listed(twice, 1)}); name one table: {listed((each.path for _, each in tables), 9)}"
            )
        films |= {film.path: film for film in read.films}
        notes += read.notes
        below += read.below
        findings |= read.findings
    for path in [path for path in skipped.other if _is_known_table(path)]:
        del skipped.other[path]
    notes += (*_unlisted(folder, [path for path in there if path not in mentioned]), *skipped.notes(folder))
    return SourceFilms(tuple(films.values()), tuple(notes), below=tuple(below), findings=findings)


def _tables(folder: str) -> list[tuple[KnownDataSet, TextTable]]:
    """The tables of known data sets in a folder and directly below it, without those that another one reads.

    A table that cannot be read is passed over if its name says nothing (`train.csv`): the folder may be of classes.
    """
    below, files = listing(folder)
    paths = [os.path.join(folder, name) for name in files]
    for name in below:
        inner = os.path.join(folder, name)
        paths += [os.path.join(inner, file) for file in listing(inner)[1]]
    names = {path: _plain_name(path) for path in paths}
    led = {known.name for known in KNOWN if known.main and any(known.main.match(name) for name in names.values())}
    found: dict[str, tuple[KnownDataSet, TextTable]] = {}
    copies: set[tuple[str, str]] = set()
    for path, name in names.items():
        bare = re.sub(r"\.gz$", "", path)
        possible = [known for known in KNOWN if known.tables.fullmatch(name)]
        if bare in found or not any(known.leads(path) or known.name not in led for known in possible):
            continue
        text = ""
        try:
            text = read_text(path)
            known, table = recognise(path, text)
        except LayoutError:
            if _ANY_NAME.match(name) and not covidx.is_list(text):
                continue
            raise
        if known in possible and (name, text) not in copies:  # Kaggle's sample of NIH has its table several times
            found[bare] = known, table
            copies.add((name, text))
    return list(found.values())


def _plain_name(path: str) -> str:
    return re.sub(r"\.gz$", "", os.path.basename(path).lower())


def _is_known_table(path: str) -> bool:
    return any(known.tables.fullmatch(_plain_name(path)) for known in KNOWN)


def _unlisted(folder: str, others: Sequence[str]) -> tuple[str, ...]:
    """A note on the films in a folder that no table lists, by the folder that they lie in."""
    if not others:
        return ()
    places = Counter(os.path.relpath(path, folder).split(os.sep)[0] for path in others)
    where = listed((f"{place}: {number}" for place, number in places.most_common()), 6)
    return (f"{say(folder)}: {count(len(others), 'film')} left out, which the tables do not list or label ({where})",)
