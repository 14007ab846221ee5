"""CoronaHack (Kaggle, praveengovi): `Chest_xray_Corona_Metadata.csv` beside a folder with `train` and `test`.

`Dataset_type` is the split, `Label` is Normal or Pnemonia (so spelt), and two columns give the cause. Most films are
Kermany's, under their names, which tell the patients.
"""

from __future__ import annotations

import re

from hilum.films.columns import SPLIT_WORDS
from hilum.films.datasets.known import KnownDataSet
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings
from hilum.films.image_locator import root_of
from hilum.films.table_text import TableRow, TextTable

_FINDINGS = Findings({"NORMAL": ("Normal",), "PNEUMONIA": ("Pnemonia", "Pneumonia")})


def _recognises(table: TextTable) -> bool:
    return table.has("X_ray_image_name", "Label", "Dataset_type")


def _read(table: TextTable) -> FilmRows:
    entries = []
    for row in table.rows:
        name = table.cell(row, "X_ray_image_name")
        if not name:
            continue
        split = SPLIT_WORDS.get(table.cell(row, "Dataset_type").lower(), "")
        names = (f"{split}/{name}", name) if split else (name,)
        entries.append(FilmRow(row.line, names, (table.cell(row, "Label"),), split=split, subtype=_cause(table, row)))
    return FilmRows(
        table.path,
        root_of(table.path),
        tuple(entries),
        _FINDINGS,
        data_set=DATA_SET.name,
        read="Label Pnemonia is PNEUMONIA, Normal is NORMAL; splits from Dataset_type; causes from "
        "Label_2_Virus_category, or Label_1_Virus_category; patients from Kermany's names where a film has one",
    )


def _cause(table: TextTable, row: TableRow) -> str:
    cause = table.cell(row, "Label_2_Virus_category") or table.cell(row, "Label_1_Virus_category")
    return cause.lower() if cause.lower() in ("virus", "bacteria") else cause


DATA_SET = KnownDataSet("CoronaHack", re.compile(r"chest_xray_corona_metadata\.csv"), _recognises, _read)
