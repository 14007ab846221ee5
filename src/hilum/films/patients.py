"""Whose the films are: DICOM's PatientID, folders of patients, a naming scheme; and which of them was believed."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hilum.films.class_names import fold
from hilum.films.dicom_header import read_dicom_header
from hilum.films.kinds import is_dicom
from hilum.films.names import NameReader, read_name, scheme_of
from hilum.films.patient_folders import patient_folders
from hilum.films.wording import count, listed, say
from hilum.machine import processors
from hilum.records import Film
from hilum.workers import map_in_order

# What takes the place of a PatientID that was removed.
_REMOVED = re.compile(
    r"[\W_]*|0+|x+|n/?a|nil|none|null|no ?(?:id|name)|anon(?:ymi[sz]ed|ymous|ymi[sz]e)?(?:[\W_]*patient)?|"
    r"de[\W_]?identified|removed|deleted|hidden|redacted|unknown|undefined|unnamed|patient(?:[\W_]*id)?|"
    r"id|test|default|empty|confidential|private",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FilmPatients:
    """Films with their patients.

    Attributes:
        films: the films, in order.
        notes: where the patients were read from, with examples, and what was not believed.
    """

    films: tuple[Film, ...]
    notes: tuple[str, ...]


def assign_patients(
    films: Sequence[Film], below: Sequence[str], naming: NameReader, *, column_named: bool = False
) -> FilmPatients:
    """Give films their patients.

    DICOM's PatientID comes first, then what a table's column gave, then folders of patients, then a naming scheme
    of a published data set. A pattern of the user, or a column that the user named, comes before all of them. A
    PatientID that all DICOM films share is none, and a scheme is not believed for DICOM films, where all films would
    be one patient, or where one name stands for films of two classes.

    Args:
        films: the films; a table's have the patient of its column, or of a naming scheme.
        below: their paths below their class folders, or as a table writes them, with `/`.
        naming: what reads names.
        column_named: whether the user named the column of patients.
    """
    if naming.pattern is not None:
        given = (film.patient or naming.read(path).patient for film, path in zip(films, below, strict=True))
        return FilmPatients(
            tuple(replace(film, patient=patient) for film, patient in zip(films, given, strict=True)), ()
        )
    from_column = [film.patient if film.patient != read_name(film.path).patient else "" for film in films]
    patients = list(from_column)
    notes: list[str] = []
    dicom = [is_dicom(film.path) for film in films]
    if not (column_named and all(from_column)):
        _by_dicom(films, dicom, patients, notes)
    _by_folder(films, below, patients, notes)
    _by_scheme(films, below, dicom, patients, notes)
    return FilmPatients(
        tuple(replace(film, patient=patient) for film, patient in zip(films, patients, strict=True)), tuple(notes)
    )


def is_removed(patient: str) -> bool:
    """Whether a PatientID only says that it was removed.

    >>> [is_removed(patient) for patient in ("", "ANON", "0000", "Anonymous", "de-identified", "P17", "ANONN001")]
    [True, True, True, True, True, False, False]
    """
    return bool(_REMOVED.fullmatch(patient.strip()))


def _by_dicom(films: Sequence[Film], dicom: Sequence[bool], patients: list[str], notes: list[str]) -> None:
    places = [place for place, is_one in enumerate(dicom) if is_one]
    workers = min(16, 2 * processors())
    read = map_in_order(lambda place: read_dicom_header(films[place].path).patient.strip(), places, workers=workers)
    found = {place: patient for place, patient in zip(places, read, strict=True) if not is_removed(patient)}
    if classes := [place for place, patient in found.items() if fold(patient) == fold(films[place].label)]:
        notes.append(f"{count(len(classes), 'DICOM film')} with the class as PatientID, which is no patient's")
        found = {place: patient for place, patient in found.items() if place not in set(classes)}
    if not found:
        return
    if len(places) > 1 and len(set(found.values())) == 1 and len(found) == len(places):
        notes.append(f"all {len(places)} DICOM films have the same PatientID, so it was not taken for a patient's")
        return
    columns = defaultdict(set)
    for place, patient in found.items():
        columns[patients[place]].add(patient)
    if any(len(ids) > 1 for column, ids in columns.items() if column):
        notes.append("DICOM's PatientID gives one patient of the table several; the table's patients were taken")
        found = {place: patient for place, patient in found.items() if not patients[place]}
    for place, patient in found.items():
        patients[place] = patient
    if found:
        number = len(set(found.values()))
        notes.append(
            f"patients read from DICOM's PatientID: {count(len(found), 'film')} of {count(number, 'patient')}"
        )
    if removed := len(places) - len(found):
        notes.append(f"{count(removed, 'DICOM film')} without a PatientID")


def _by_folder(films: Sequence[Film], below: Sequence[str], patients: list[str], notes: list[str]) -> None:
    rest = [place for place, patient in enumerate(patients) if not patient]
    found = patient_folders([below[place] for place in rest])
    named = {place: patient for place, patient in zip(rest, found, strict=False) if patient}
    if not named:
        return
    examples = _examples(named, lambda place: below[place])
    notes.append(f"patients read from the folders that the films lie in, for example {examples}")
    homes = defaultdict(set)
    for place, patient in named.items():
        patients[place] = patient
        if by_name := read_name(films[place].path).patient:
            homes[by_name].add(patient)
    if recurring := [name for name, folders in homes.items() if len(folders) > 1]:
        notes.append(
            f"the file names look like {_title(films, named)}, but a patient of theirs ({listed(recurring, 1)}) "
            "would be in several patients' folders: no patients were read from them"
        )


def _by_scheme(
    films: Sequence[Film], below: Sequence[str], dicom: Sequence[bool], patients: list[str], notes: list[str]
) -> None:
    rest = [place for place, patient in enumerate(patients) if not patient and not dicom[place]]
    named = {place: name for place in rest if (name := read_name(films[place].path).patient)}
    if not named:
        return
    labels = defaultdict(set)
    for place in named:
        labels[films[place].split, os.path.basename(films[place].path)].add(films[place].label)
    why = ""
    if len(named) > 1 and len(set(named.values())) == 1:
        why = f"all {len(named)} of them would be one patient"
    elif twice := [name for (_, name), of in labels.items() if len(of) > 1]:
        why = f"one name stands for films of two classes ({listed(twice, 1)})"
    if why:
        notes.append(f"the file names look like {_title(films, named)}, but {why}: no patients were read from them")
        return
    for place, patient in named.items():
        patients[place] = patient
    examples = _examples(named, lambda place: os.path.basename(films[place].path))
    notes.append(f"patients read by {_title(films, named)}, for example {examples}")


def _title(films: Sequence[Film], places: Iterable[int]) -> str:
    titles = dict.fromkeys(scheme.title for place in places if (scheme := scheme_of(films[place].path)))
    return f"{' and '.join(titles)} file names"


def _examples(named: dict[int, str], shown: Callable[[int], str]) -> str:
    """Two films with their patients, of different patients where there are two."""
    first = next(iter(named))
    second = next((place for place, patient in named.items() if patient != named[first]), None)
    second = second if second is not None else next((place for place in named if place != first), None)
    places = [first] if second is None else [first, second]
    return ", ".join(f"{say(shown(place))} → {say(named[place])}" for place in places)
