"""CheXpert (Irvin et al., AAAI 2019): a column for each of 14 observations, marked 1, 0, -1 (uncertain) or empty.

`train.csv`, `valid.csv` and `test.csv` name films by a path that begins with the folder of the data set,
`CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg`, from whatever folder the tables were unpacked in.
"""

from __future__ import annotations

import os
import re

from hilum.films.columns import SPLIT_WORDS
from hilum.films.datasets.known import KnownDataSet, sex_of
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings, marked
from hilum.films.image_locator import root_of
from hilum.films.table_text import TableRow, TextTable

OBSERVATIONS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture",
    "Support Devices",
)  # fmt: skip
# No Finding does not exclude support devices (Irvin et al., section 2.2).
FINDINGS = Findings({"NORMAL": ("No Finding",), "PNEUMONIA": ("Pneumonia",)}, neutral=("Support Devices",))
CHOICE = "-1 is uncertain, and such films are unlabelled unless --uncertain positive or negative says otherwise"
_PATIENT = re.compile(r"patient\d+")


def observations(table: TextTable, row: TableRow) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The observations of a row that are marked present, and those that are marked uncertain."""
    return marked({name: table.cell(row, name) for name in OBSERVATIONS})


def _recognises(table: TextTable) -> bool:
    return table.has("Path", "No Finding", "Pneumonia") and (table.has("Frontal/Lateral") or _names_patients(table))


def _names_patients(table: TextTable) -> bool:
    """Whether the paths are CheXpert's: its test.csv has no column of views."""
    return bool(table.rows) and all(_PATIENT.search(table.cell(row, "Path")) for row in table.rows[:20])


def _read(table: TextTable) -> FilmRows:
    entries = []
    for row in table.rows:
        path = table.cell(row, "Path")
        if not path:
            continue
        found, unsure = observations(table, row)
        patient = _PATIENT.search(path)
        lateral = table.cell(row, "Frontal/Lateral").lower() == "lateral" or path.lower().endswith("_lateral.jpg")
        entries.append(
            FilmRow(
                row.line,
                (path,),
                found,
                unsure,
                patient=patient[0] if patient else "",
                split=_split(path, table.path),
                view="LATERAL" if lateral else table.cell(row, "AP/PA"),
                age=table.cell(row, "Age"),
                sex=sex_of(table.cell(row, "Sex")),
            )
        )
    return FilmRows(
        table.path,
        root_of(table.path),
        tuple(entries),
        FINDINGS,
        data_set=DATA_SET.name,
        read=f"{FINDINGS.in_words()}; {CHOICE}; patients and splits from the paths; lateral views left out",
    )


def _split(path: str, table: str) -> str:
    """The split that a path names, or else the table's name."""
    words = (*re.split(r"[/\\]", path.lower())[:-1], os.path.basename(table).lower().split(".")[0])
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "")


DATA_SET = KnownDataSet("CheXpert", re.compile(r"(train|valid|test)\.csv"), _recognises, _read)
