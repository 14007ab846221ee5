"""COVIDx (Wang et al., Sci Rep 10, 2020): `train.txt` and `test.txt`, a line a film: patient, file, class, source.

There is no header, and spaces separate. Versions with three classes say normal, pneumonia and COVID-19; those with
two say positive and negative, of COVID-19, so that a negative film may show another pneumonia.
"""

from __future__ import annotations

import os
import re

from hilum.errors import LayoutError
from hilum.films.columns import SPLIT_WORDS
from hilum.films.datasets.known import KnownDataSet
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings
from hilum.films.image_locator import root_of
from hilum.films.table_text import TableRow, TextTable
from hilum.films.wording import say

_CLASS = "normal|pneumonia|COVID-19|negative|positive"
# Some names of files have spaces; the source is missing in the first versions.
_LINE = re.compile(rf"(?P<patient>\S+) (?P<file>.+\.\w+) (?P<class>{_CLASS})(?: (?P<source>\S+))?", re.IGNORECASE)
_HEADER = ("patient id", "file", "class", "source")
_THREE = Findings({"NORMAL": ("normal",), "PNEUMONIA": ("pneumonia",), "COVID-19": ("COVID-19",)})
_TWO = Findings({"NEGATIVE": ("negative",), "COVID-19": ("positive",)})


def is_list(text: str) -> bool:
    """Whether a text is a list of COVIDx: its first lines are."""
    lines = [line.strip() for line in text[:100_000].splitlines() if line.strip()][:20]
    return bool(lines) and all(_LINE.fullmatch(line) for line in lines[:-1] or lines)


def as_table(path: str, text: str) -> TextTable:
    """The list as a table.

    Raises:
        LayoutError: a line is not of that form.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise LayoutError(f"{say(path)}: line {number}: expected a patient, a file, a class and a source")
        rows.append(TableRow(number, (match["patient"], match["file"], match["class"], match["source"] or "")))
    return TextTable(path, _HEADER, tuple(rows))


def _recognises(table: TextTable) -> bool:
    return table.header == _HEADER


def _read(table: TextTable) -> FilmRows:
    words = re.split(r"[^a-z]+", os.path.basename(table.path).lower())
    split = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "")
    entries = tuple(
        FilmRow(
            row.line,
            (f"{split}/{file}", file) if split else (file,),
            (table.cell(row, "class"),),
            patient=table.cell(row, "patient id"),
            split=split,
            site=table.cell(row, "source"),
        )
        for row in table.rows
        if (file := table.cell(row, "file"))
    )
    two = {"negative", "positive"} & {name.lower() for entry in entries for name in entry.findings}
    findings = _TWO if two else _THREE
    meaning = "; a negative film has no COVID-19, and may show another pneumonia" if two else ""
    return FilmRows(
        table.path,
        root_of(table.path),
        entries,
        findings,
        data_set=DATA_SET.name,
        read=f"{findings.in_words()}{meaning}; the split from the name of the list; patients from its first column",
    )


DATA_SET = KnownDataSet(
    "COVIDx", re.compile(r"(train|test|val)(_split|_covidx|_pnem)?[\w.-]*\.txt"), _recognises, _read
)
