"""NIH ChestX-ray14 (Wang et al., CVPR 2017), whole or a sample.

`Data_Entry_2017.csv` (`Data_Entry_2017_v2020.csv`, `sample_labels.csv`) has a row a film with a list of findings; the
films are `images_001/images/*.png`, …. `train_val_list.txt` and `test_list.txt` beside it are the official splits.
"""

from __future__ import annotations

import re

from hilum.films.datasets.known import KnownDataSet, file_next_to
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings, as_list
from hilum.films.image_locator import root_of
from hilum.films.table_text import TextTable, read_text
from hilum.films.wording import count

_LISTS = {"train": r"train_val_list.*\.txt", "test": r"test_list.*\.txt"}


def _recognises(table: TextTable) -> bool:
    return table.has("Image Index", "Finding Labels")


def _read(table: TextTable) -> FilmRows:
    splits = _splits(table.path)
    entries = tuple(
        FilmRow(
            row.line,
            (name,),
            as_list(table.cell(row, "Finding Labels")),
            patient=table.cell(row, "Patient ID"),
            split=splits.get(name, ""),
            view=table.cell(row, "View Position"),
            age=table.cell(row, "Patient Age"),
            sex=table.cell(row, "Patient Gender") or table.cell(row, "Patient Sex"),
        )
        for row in table.rows
        if (name := table.cell(row, "Image Index"))
    )
    findings = Findings({"NORMAL": ("No Finding",), "PNEUMONIA": ("Pneumonia",)})
    lists = "splits from train_val_list.txt and test_list.txt" if splits else "no official splits beside it"
    outside = sum(entry.names[0] not in splits for entry in entries) if splits else 0
    notes = (f"{count(outside, 'film')} in neither of the lists of the splits",) if outside else ()
    return FilmRows(
        table.path,
        root_of(table.path),
        entries,
        findings,
        data_set=DATA_SET.name,
        read=f"Finding Labels is a list; {findings.in_words()}; patients from Patient ID; {lists}",
        notes=notes,
    )


def _splits(table: str) -> dict[str, str]:
    splits: dict[str, str] = {}
    for split, pattern in _LISTS.items():
        path = file_next_to(table, pattern)
        if path is not None:
            splits |= dict.fromkeys((name for line in read_text(path).splitlines() if (name := line.strip())), split)
    return splits


DATA_SET = KnownDataSet("NIH ChestX-ray14", re.compile(r"(data_entry\w*|sample_labels\w*)\.csv"), _recognises, _read)
