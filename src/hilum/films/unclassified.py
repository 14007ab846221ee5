"""Films whatever they show: of data sets, and of plain folders that say nothing of classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hilum.errors import LayoutError
from hilum.films import contents
from hilum.films.index import find, index
from hilum.films.names import NameReader, compile_pattern
from hilum.films.patients import assign_patients
from hilum.records import Film, Manifest


def find_unclassified(sources: Sequence[str | Path], patient_pattern: str | None = None) -> Manifest:
    """Find the films of data sets, as `index` does without a cut, and of folders without classes.

    Every film is hashed; patients are read from file headers, folders and names, as for `index`.

    Args:
        sources: what `index` takes, or folders of films.
        patient_pattern: as for `index`.

    Raises:
        LayoutError: a source does not exist, holds no film, or is a table that cannot be read.
    """
    films, notes = dict[str, Film](), list[str]()
    for source in sources:
        try:
            found = index(source, cut=False, patient_pattern=patient_pattern)
        except LayoutError:
            if not os.path.isdir(source):
                raise
            found = _in_folder(source, patient_pattern)
        films |= {film.path: film for film in found}
        notes += found.notes
    return Manifest(tuple(films.values()), tuple(notes))


def _in_folder(folder: str | Path, patient_pattern: str | None) -> Manifest:
    found = find(folder)
    below = [os.path.relpath(film.path, folder).replace(os.sep, "/") for film in found]
    assigned = assign_patients(found.films, below, NameReader(compile_pattern(patient_pattern)))
    return Manifest(contents.fingerprint(assigned.films), (*found.notes, *assigned.notes))
