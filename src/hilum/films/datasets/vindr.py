"""VinDr-CXR (Nguyen et al., Sci Data 9, 2022) and VinDr-PCXR, of children (Pham et al., 2022).

`image_labels_train.csv` has a row for each film and reader, with a column for each finding; `image_labels_test.csv`
the consensus, a row a film. `annotations_*.csv`, and `train.csv` of Kaggle's challenge, have a row for each box and
reader. The films are `train/IMAGE_ID.dicom` and `test/IMAGE_ID.dicom`.
"""

from __future__ import annotations

import os
import re

from hilum.films.columns import SPLIT_WORDS
from hilum.films.datasets.known import KnownDataSet, file_next_to
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings, marked
from hilum.films.image_locator import root_of
from hilum.films.table_text import TextTable

_BOXES = ("x_min", "y_min", "x_max", "y_max")
_ADULTS = Findings({"NORMAL": ("No finding",), "PNEUMONIA": ("Pneumonia",)})
# The spelling is the data set's.
_CHILDREN = Findings({"NORMAL": ("No finding",), "PNEUMONIA": ("Pneumonia", "Brocho-pneumonia", "Pleuro-pneumonia")})


def _recognises(table: TextTable) -> bool:
    return table.has("image_id") and (table.has("No finding", "Pneumonia") or table.has("class_name", *_BOXES))


def _read(table: TextTable) -> FilmRows:
    boxes = table.has("class_name", *_BOXES)
    columns = [name for name in table.header if name.lower() not in ("image_id", "rad_id", "")]
    children = table.has("Brocho-pneumonia") or (boxes and table.has("rad_ID") and "rad_ID" in table.header)
    split = next((word for part, word in SPLIT_WORDS.items() if part in _words(table.path)), "")
    entries = []
    for row in table.rows:
        name = table.cell(row, "image_id")
        if not name:
            continue
        found = (table.cell(row, "class_name"),) if boxes else marked({n: table.cell(row, n) for n in columns})[0]
        places = (f"{split}/{name}", name) if split else (name,)
        entries.append(FilmRow(row.line, places, found, reader=table.cell(row, "rad_id"), split=split))
    findings = _CHILDREN if children else _ADULTS
    notes = []
    if boxes and file_next_to(table.path, r"image_labels_\w+\.csv"):
        notes.append("image_labels_*.csv beside it has the labels of whole films, pneumonia among them; name that")
    return FilmRows(
        table.path,
        root_of(table.path),
        tuple(entries),
        findings,
        data_set="VinDr-PCXR" if children else DATA_SET.name,
        read=f"{findings.in_words()}; a row {'a box' if boxes else 'a reader'}, and a film is of the class that more "
        "than half of its readers say; patients are not given",
        by_vote=table.has("rad_id"),
        notes=tuple(notes),
    )


def _words(path: str) -> list[str]:
    return re.split(r"[^a-z]+", os.path.basename(path).lower())


DATA_SET = KnownDataSet(
    "VinDr-CXR",
    re.compile(r"(image_labels_(train|test)|annotations_(train|test)|train)\.csv"),
    _recognises,
    _read,
    main=re.compile(r"image_labels"),
)
