"""SIIM-ACR Pneumothorax Segmentation 2019: `train-rle.csv` or `stage_2_train.csv`.

A row a mask, as run lengths, or -1 for a film without a pneumothorax; the films are
`dicom-images-train/STUDY/SERIES/IMAGE_ID.dcm`. There is no pneumonia in it, and a film without a pneumothorax may
show other findings.
"""

from __future__ import annotations

import re

from hilum.films.datasets.known import KnownDataSet
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings
from hilum.films.image_locator import root_of
from hilum.films.table_text import TextTable

_FINDINGS = Findings({"NEGATIVE": ("-1",), "PNEUMOTHORAX": ("mask",)})


def _recognises(table: TextTable) -> bool:
    return table.has("ImageId", "EncodedPixels") and len(table.header) <= 3


def _read(table: TextTable) -> FilmRows:
    entries = tuple(
        FilmRow(row.line, (name,), ("-1" if table.cell(row, "EncodedPixels") in ("-1", "") else "mask",))
        for row in table.rows
        if (name := table.cell(row, "ImageId"))
    )
    return FilmRows(
        table.path,
        root_of(table.path),
        entries,
        _FINDINGS,
        data_set=DATA_SET.name,
        read="EncodedPixels -1 is NEGATIVE, without a pneumothorax, which is not the same as a normal film; a mask "
        "is PNEUMOTHORAX; patients are not in the table",
    )


DATA_SET = KnownDataSet("SIIM-ACR Pneumothorax", re.compile(r"(train-rle\w*|stage_2_train)\.csv"), _recognises, _read)
