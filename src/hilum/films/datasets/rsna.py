"""RSNA's Pneumonia Detection Challenge 2018 (Shih et al., Radiology: AI 1, 2019), as Kaggle gives it.

`stage_2_train_labels.csv` has a row for each box of an opacity, and one without a box for each film that has none;
`stage_2_detailed_class_info.csv` says of each film whether it is normal, not normal without an opacity, or has one.
The films are `stage_2_train_images/PATIENTID.dcm`.
"""

from __future__ import annotations

import re

from hilum.errors import LayoutError
from hilum.films.datasets.known import KnownDataSet, table_next_to
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings
from hilum.films.image_locator import root_of
from hilum.films.table_text import TableRow, TextTable
from hilum.films.wording import say

_OPACITY, _NORMAL, _OTHER = "Lung Opacity", "Normal", "No Lung Opacity / Not Normal"
_OF_KAGGLES_COPY = ("position", "age", "sex")  # of a processed copy, which joins both tables
_ZERO = "Target 0"
_TARGET = {"1": _OPACITY, "1.0": _OPACITY, "0": _ZERO, "0.0": _ZERO}


def _recognises(table: TextTable) -> bool:
    return table.has("patientId", "Target", "x", "y", "width", "height") or (
        table.has("patientId", "class") and len(table.header) <= 3
    )


def _read(table: TextTable) -> FilmRows:
    classes: dict[str, str] = {}
    if table.has("Target") and not table.has("class"):
        details = table_next_to(table.path, r"stage_2_detailed_class_info\.csv(\.gz)?")
        classes = {_name(details, row): details.cell(row, "class") for row in details.rows} if details else {}
    entries = []
    for row in table.rows:
        if name := _name(table, row):
            finding = _finding(table, row, name, classes) if table.has("Target") else table.cell(row, "class")
            view, age, sex = (table.cell(row, column) for column in _OF_KAGGLES_COPY)
            entries.append(FilmRow(row.line, (name,), (finding,), patient=name, view=view, age=age, sex=sex))
    detailed = bool(classes) or table.has("class")
    findings = Findings({"NORMAL": (_NORMAL if detailed else _ZERO,), "PNEUMONIA": (_OPACITY,)})
    choice = (
        f"{findings.in_words()}; {_OTHER} is neither; to count it as normal: --class 'NORMAL={_NORMAL},{_OTHER}'"
        if detailed
        else "Target 1 is PNEUMONIA (lung opacity), Target 0 NORMAL, among them films with other findings, which "
        "stage_2_detailed_class_info.csv beside the table tells apart"
    )
    patients = "patients from patientId, which is a film's own: two films of one patient can have two"
    return FilmRows(
        table.path,
        root_of(table.path),
        tuple(entries),
        findings,
        data_set=DATA_SET.name,
        read=f"{choice}; a row a box; {patients}",
    )


def _name(table: TextTable, row: TableRow) -> str:
    """The film's identifier, without the ending that some give it."""
    return re.sub(r"\.(dcm|png|jpe?g)$", "", table.cell(row, "patientId"), flags=re.IGNORECASE)


def _finding(table: TextTable, row: TableRow, name: str, classes: dict[str, str]) -> str:
    """What a row says, checked against the detailed classes where they are known."""
    target = table.cell(row, "Target")
    if target not in _TARGET:
        raise LayoutError(f"{say(table.path)}: line {row.line} has the Target '{say(target)}'; expected 0 or 1")
    detailed = classes.get(name, "") or table.cell(row, "class")
    if detailed and (detailed == _OPACITY) != (_TARGET[target] == _OPACITY):
        raise LayoutError(
            f"{say(table.path)}: line {row.line} has the Target {target}, and stage_2_detailed_class_info.csv calls "
            f"{say(name)} {say(detailed)}; fetch both again"
        )
    return detailed or _TARGET[target]


DATA_SET = KnownDataSet(
    "RSNA 2018",
    re.compile(r"stage_?[12]_(train_labels|detailed_class_info|train_metadata)\.csv"),
    _recognises,
    _read,
    main=re.compile(r"stage_?[12]_train_"),
)
