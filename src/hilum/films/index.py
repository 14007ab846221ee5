"""From what people have on disk to one list of films: what they show, whose they are, where they belong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from hilum.errors import LayoutError
from hilum.films import contents, datasets, folder_tables, folders, medmnist, split, tables
from hilum.films.class_names import ClassNames, merge_spellings
from hilum.films.discovery import SkippedFiles, SourceFilms, walk
from hilum.films.findings import Uncertain
from hilum.films.image_locator import ImageLocator
from hilum.films.leaks import describe_leaks
from hilum.films.names import NameReader, compile_pattern
from hilum.films.other_pictures import leave_out_others
from hilum.films.patients import assign_patients
from hilum.films.split import SplitBy
from hilum.films.tables import Columns
from hilum.films.wording import count, listed, say
from hilum.records import Film, Manifest

Source = str | Path


def index(
    *sources: Source,
    val_fraction: float = 0.1,
    seed: int = 1,
    cut: bool = True,
    split_by: SplitBy = "patient",
    patient_pattern: str | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    patient_column: str | None = None,
    split_column: str | None = None,
    class_names: ClassNames | None = None,
    uncertain: Uncertain = "leave-out",
) -> Manifest:
    """Find the films of data sets, read labels, patients and splits, and hash every film.

    Args:
        sources: folders `{train,val,test}/CLASS/*` or `CLASS/*`, folders of public data sets with their tables
            (`films.datasets`), tables (CSV with paths and labels, or a Hilum manifest), or MedMNIST archives
            (`.npz`).
        val_fraction: the share of train's films, between 0 and 1, that goes to val where val has to be cut.
        seed: where the cut starts; the same films and seed give the same cut on every machine.
        cut: whether to cut val from train where it is missing or too small to steer by. Without it every film keeps
            the split that the source gives it, or none, and nobody has to know the patients: for evaluating.
            A manifest that has splits is never cut again.
        split_by: whether a cut keeps each patient's films together, or only films with the same bytes.
        patient_pattern: a regular expression with a group `patient`, searched in a film's path below its class folder
            (as a table writes it), in place of Kermany's names.
        path_column: the table's column of paths, where it has an unusual name; likewise the other three.
        label_column: the table's column of labels.
        patient_column: the table's column of patients.
        split_column: the table's column of splits.
        class_names: a class's name, and the names that the films have for it: `{"PNEUMONIA": ["lung opacity"]}`.
            Names that differ only by case, spaces or underscores are one class without that, and so are the names of
            a class without findings (normal, healthy, negative, no finding); the notes say so.
        uncertain: what a finding that a table calls uncertain counts as: `positive`, `negative`, or `leave-out`, with
            which the film has no class.

    Raises:
        LayoutError: the sources do not say which films there are or, for a cut, what they show and whose they are.
    """
    if not sources:
        raise LayoutError("no data set was named; name a folder, a table or an .npz archive")
    if not 0 < val_fraction < 1:
        raise LayoutError(f"val_fraction is {val_fraction}; it has to lie between 0 and 1, such as 0.1")
    if split_by not in ("patient", "film"):
        raise LayoutError(f"split_by is '{say(split_by)}'; it has to be patient or film")
    if uncertain not in get_args(Uncertain):
        raise LayoutError(f"uncertain is '{say(uncertain)}'; it has to be {', '.join(get_args(Uncertain))}")
    columns = Columns(path_column, label_column, patient_column, split_column)
    naming = NameReader(compile_pattern(patient_pattern))
    may_have_columns = (tables.is_table(os.fspath(source)) or os.path.isdir(source) for source in sources)
    if columns != Columns() and not any(may_have_columns):
        raise LayoutError(f"{listed(sources)}: a column was named, but only tables (.csv, .tsv) have columns")

    read = [_read(os.fspath(source), columns, naming, class_names, uncertain) for source in sources]
    found = [_with_patients(each, columns, naming) for each in read]
    films = tuple(film for each in found for film in (_enter(each) if cut else each.films))
    notes = [note for each in found for note in each.notes]
    with _noted(notes):
        _refuse_twice(films)
        if class_names or not all(each.settled for each in found):
            films, renamed = merge_spellings(films, class_names, {name for each in found for name in each.findings})
            notes += renamed
        if cut:
            films = tuple(map(_without_training, films))
        notes += _classes(films, sources, cut)
        if patient_pattern is not None and not any(film.patient for film in films):
            raise LayoutError(
                f"--patient-pattern {patient_pattern!r} matches none of the films (the first: {say(films[0].path)})"
            )

        plan = (
            split.plan(films)
            if cut and len({film.label for film in films} - {""}) > 1 and not any(each.settled for each in found)
            else split.SplitPlan(False)
        )
        if plan.cut and split_by == "patient":
            split.require_patients(films)
        hashed: Sequence[Film] = contents.fingerprint(films)
        notes += contents.check_contents(hashed)
        if plan.cut:
            hashed = split.cut(hashed, val_fraction, seed, split_by)
            notes += _describe_cut(hashed, plan.why, seed, split_by)
        notes += describe_leaks(hashed)
    return Manifest(tuple(hashed), tuple(notes))


def as_manifest(
    films: Manifest | Source | Sequence[Source],
    *,
    cut: bool = True,
    split_by: SplitBy = "patient",
    patient_pattern: str | None = None,
    class_names: ClassNames | None = None,
) -> Manifest:
    """A manifest as it is, or the films of one or several data sets as `index` gives them.

    Args:
        films: a manifest, or what `index` takes.
        cut: as for `index`.
        split_by: as for `index`.
        patient_pattern: as for `index`.
        class_names: as for `index`; a manifest gets these names too.

    Raises:
        LayoutError: as `index`.
    """
    if isinstance(films, Manifest):
        if not class_names:
            return films
        renamed, notes = merge_spellings(films.films, class_names)
        return Manifest(renamed, (*films.notes, *notes))
    sources = [films] if isinstance(films, str | os.PathLike) else films
    return index(*sources, cut=cut, split_by=split_by, patient_pattern=patient_pattern, class_names=class_names)


def find(paths: Source | Iterable[Source]) -> Manifest:
    """The films among files and folders (with all below them), without labels: what there is to predict.

    A file that is named is taken whatever it is, so that it is answered for; in folders films go by their kind. An
    `.npz` archive gives its members. A film named twice is taken once. Nothing is hashed.

    Raises:
        LayoutError: a path does not exist, or no film is found at all.
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    films: list[Film] = []
    notes: list[str] = []
    for source in [os.fspath(path) for path in paths]:
        if os.path.isdir(source):
            others = SkippedFiles()
            pictures = leave_out_others(walk(source, others), source, others)
            films += [Film(os.path.normpath(path)) for path in pictures]
            notes += others.notes(source)
        elif source.lower().endswith(".npz") and os.path.isfile(source):
            films += medmnist.members(os.path.normpath(source))
        elif os.path.exists(source) or ImageLocator.exists(source):
            films.append(Film(os.path.normpath(source)))
        else:
            raise LayoutError(f"{say(source)}: no such file or folder")
    if not films:
        raise LayoutError(
            f"{listed(paths) or 'no paths'}: no films found; name films (DICOM, JPEG, PNG …), or their folders"
        )
    return Manifest(tuple({film.path: film for film in films}.values()), tuple(notes))


@contextmanager
def _noted(notes: Sequence[str]) -> Iterator[None]:
    """Give a refusal the notes that stand so far: they say what was read, and what was left out, before it."""
    try:
        yield
    except LayoutError as error:
        for note in notes:
            error.add_note(note)
        raise


def _read(
    source: str, columns: Columns, naming: NameReader, class_names: ClassNames | None, uncertain: Uncertain
) -> SourceFilms:
    source = os.path.normpath(source)
    if os.path.isdir(source) and columns != Columns():
        return folder_tables.read_folder_with_columns(source, columns, naming, class_names, uncertain)
    if os.path.isdir(source):
        known = datasets.read_folder(source, naming, class_names, uncertain)
        return known if known is not None else _read_folder(source, naming, class_names, uncertain)
    if not os.path.exists(source):
        raise LayoutError(f"{say(source)}: no such folder, table or archive")
    if tables.is_table(source):
        return tables.read_table(source, columns, naming, class_names, uncertain)
    if source.lower().endswith(".npz"):
        return medmnist.read_archive(source, class_names)
    raise LayoutError(
        f"{say(source)}: not a data set; name a folder {{train,val,test}}/CLASS/* or CLASS/*, a .csv table of "
        "paths and labels, or a MedMNIST .npz (a single film goes to hilum predict)"
    )


def _read_folder(
    source: str, naming: NameReader, class_names: ClassNames | None, uncertain: Uncertain
) -> SourceFilms:
    """What the folders in a folder say, and a table in it where they do not say which film is of which class."""
    found: SourceFilms | None = None
    try:
        found = folders.read_folder(source)
        if len({film.label for film in found.films if film.label}) > 1:
            return replace(found, notes=(*found.notes, *folder_tables.unread_tables(source)))
    except LayoutError as error:
        refusal = error
    try:
        by_table = folder_tables.read_folder(source, Columns(), naming, class_names, uncertain)
    except LayoutError as error:
        if found is None:
            raise LayoutError(f"{refusal}; the table in it was tried: {error}") from None
        return replace(found, notes=(*found.notes, f"the table in it was tried, and not used: {error}"))
    if by_table is not None:
        return by_table
    if found is None:
        raise refusal
    return found


def _with_patients(found: SourceFilms, columns: Columns, naming: NameReader) -> SourceFilms:
    if not found.below:
        return found
    assigned = assign_patients(found.films, found.below, naming, column_named=columns.patient is not None)
    return replace(found, films=assigned.films, notes=(*found.notes, *assigned.notes))


def _enter(found: SourceFilms) -> tuple[Film, ...]:
    """Films of a source without any split are for training, as far as they are labelled."""
    if any(film.split for film in found.films):
        return found.films
    return tuple(replace(film, split="train") if film.label else film for film in found.films)


def _without_training(film: Film) -> Film:
    """A film without a label is for no training, whatever split its source gives it; in test it stays."""
    return film if film.label or film.split not in ("train", "val") else replace(film, split="")


def _refuse_twice(films: Sequence[Film]) -> None:
    times = Counter(film.path for film in films)
    twice = [path for path, number in times.items() if number > 1]
    if twice:
        raise LayoutError(
            f"{count(len(twice), 'film')} in more than one of the sources: {listed(twice)}; name each once"
        )


def _classes(films: Sequence[Film], sources: Sequence[Source], cut: bool) -> list[str]:
    labels = sorted({film.label for film in films if film.label})
    if not labels:
        if cut:
            raise LayoutError(f"{listed(sources)}: no film has a label, so nothing says what the films show")
        return ["no film has a label, so nothing says what the films show"]
    return [f"only one class, {say(labels[0])}: training needs two"] if len(labels) == 1 else []


def _describe_cut(films: Sequence[Film], why: str, seed: int, by: SplitBy) -> list[str]:
    val = [film for film in films if film.split == "val"]
    train = [film for film in films if film.split == "train"]
    notes = [
        f"{why}; {count(len(val), 'film')} of the {len(val) + len(train)} outside test were cut for val by {by}, "
        f"the same share of every class and cause (seed {seed})"
    ]
    if by == "film":
        notes.append("cut by film: where films of one patient lie on both sides, val looks better than it is")
    lacking = sorted({film.label for film in train} - {film.label for film in val})
    if lacking:
        notes.append(f"val has no film of {listed(lacking)}: too few {by}s to spare one")
    if not any(film.split == "test" for film in films):
        notes.append("there is no test split: an honest figure needs films that nothing was chosen on")
    return notes
