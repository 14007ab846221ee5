"""PadChest (Bustos et al., Med Image Anal 66, 2020): `PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv`.

A row a film; `Labels` is a list as Python writes it, `['pneumonia', 'infiltrates']`; films are `ImageDir/ImageID`, a
folder for each of the published archives, or all in one folder.
"""

from __future__ import annotations

import re

from hilum.films.datasets.known import KnownDataSet, sex_of
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings, as_list
from hilum.films.image_locator import root_of
from hilum.films.table_text import TableRow, TextTable

_FINDINGS = Findings(
    {"NORMAL": ("normal",), "PNEUMONIA": ("pneumonia", "atypical pneumonia")}, neutral=("unchanged",)
)


def _recognises(table: TextTable) -> bool:
    return table.has("ImageID", "Labels", "Projection")


def _read(table: TextTable) -> FilmRows:
    entries = []
    for row in table.rows:
        name = table.cell(row, "ImageID")
        if not name:
            continue
        folder = re.sub(r"\.0$", "", table.cell(row, "ImageDir"))
        entries.append(
            FilmRow(
                row.line,
                (f"{folder}/{name}", name) if folder else (name,),
                as_list(table.cell(row, "Labels")),
                patient=table.cell(row, "PatientID"),
                view=table.cell(row, "Projection"),
                age=_age(table, row),
                sex=sex_of(table.cell(row, "PatientSex_DICOM")),
            )
        )
    return FilmRows(
        table.path,
        root_of(table.path),
        tuple(entries),
        _FINDINGS,
        data_set=DATA_SET.name,
        read=f"Labels is a list; {_FINDINGS.in_words()}; patients from PatientID; age is the year of the study less "
        "the year of birth; other than frontal projections left out",
        only_frontal=True,
    )


def _age(table: TextTable, row: TableRow) -> str:
    birth = re.match(r"\d{4}", table.cell(row, "PatientBirth"))
    study = re.match(r"\d{4}", table.cell(row, "StudyDate_DICOM"))
    return str(int(study[0]) - int(birth[0])) if birth and study else ""


DATA_SET = KnownDataSet("PadChest", re.compile(r"padchest\w*[\w.]*\.csv"), _recognises, _read)
