"""MIMIC-CXR-JPG (Johnson et al., 2019): four tables, joined by study and film.

`mimic-cxr-2.0.0-chexpert.csv.gz` (or `-negbio`) has CheXpert's observations of each study, `-metadata` the films of
each study with their projection, `-split` the official splits. The films are
`files/p10/p10000032/s50414267/DICOM_ID.jpg`.
"""

from __future__ import annotations

import os
import re

from hilum.errors import LayoutError
from hilum.films.columns import SPLIT_WORDS
from hilum.films.datasets.chexpert import CHOICE, FINDINGS, observations
from hilum.films.datasets.known import KnownDataSet, table_next_to
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.image_locator import root_of
from hilum.films.table_text import TextTable
from hilum.films.wording import say

Study = tuple[str, str]


def _recognises(table: TextTable) -> bool:
    return table.has("subject_id", "study_id") and (
        table.has("Pneumonia", "No Finding")
        or table.has("dicom_id", "split")
        or table.has("dicom_id", "ViewPosition")
    )


def _read(table: TextTable) -> FilmRows:
    labels = _part(table, "chexpert") or _part(table, "negbio")
    metadata, split = _part(table, "metadata"), _part(table, "split")
    films = metadata or split
    if labels is None or films is None:
        missing = "chexpert" if labels is None else "metadata"
        raise LayoutError(
            f"{say(table.path)}: a table of {DATA_SET.name}, which needs mimic-cxr-2.0.0-{missing}.csv.gz beside it"
        )
    observed = {
        (labels.cell(row, "subject_id"), labels.cell(row, "study_id")): observations(labels, row)
        for row in labels.rows
    }
    splits = {split.cell(row, "dicom_id"): split.cell(row, "split").lower() for row in split.rows} if split else {}
    entries = []
    for row in films.rows:
        subject, study, name = (films.cell(row, column) for column in ("subject_id", "study_id", "dicom_id"))
        found, unsure = observed.get((subject, study), ((), ()))
        below = f"p{subject[:2]}/p{subject}/s{study}/{name}.jpg"
        entries.append(
            FilmRow(
                row.line,
                (f"files/{below}", below, name),
                found,
                unsure,
                patient=subject,
                split=SPLIT_WORDS.get(splits.get(name, ""), ""),
                view=films.cell(row, "ViewPosition"),
            )
        )
    return FilmRows(
        table.path,
        root_of(table.path),
        tuple(entries),
        FINDINGS,
        data_set=DATA_SET.name,
        read=f"observations of each study from {os.path.basename(labels.path)}; {FINDINGS.in_words()}; {CHOICE}; "
        f"patients from subject_id; {'splits from its table' if split else 'no table of splits beside it'}; "
        f"{'other than frontal views left out' if metadata else 'lateral views not known without its metadata'}",
        only_frontal=metadata is not None,
    )


def _part(table: TextTable, part: str) -> TextTable | None:
    """One of the data set's tables: the one that was named, or the one beside it."""
    pattern = rf"mimic-cxr-[\d.]+-{part}\.csv(\.gz)?"
    if re.fullmatch(pattern, os.path.basename(table.path).lower()):
        return table
    return table_next_to(table.path, pattern)


DATA_SET = KnownDataSet(
    "MIMIC-CXR-JPG",
    re.compile(r"mimic-cxr-[\d.]+-(chexpert|negbio|metadata|split)\.csv"),
    _recognises,
    _read,
    main=re.compile(r"mimic-cxr-[\d.]+-chexpert"),
)
