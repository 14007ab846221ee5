"""A table that is of no known data set: a row a film, with a column of paths and one of labels."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from hilum.errors import LayoutError
from hilum.films.class_names import ClassNames
from hilum.films.columns import SPLIT_WORDS, Columns, find_columns
from hilum.films.film_rows import FilmRow, FilmRows
from hilum.films.findings import Findings, as_list, is_mark, list_separator, marked
from hilum.films.image_locator import root_of
from hilum.films.table_text import TableRow, TextTable, plain
from hilum.films.wording import say

_CLASSES = {"NORMAL": ("No Finding",), "PNEUMONIA": ("Pneumonia",)}
_NOTHING = {"nan", "null", "none", "n/a", "<na>"}
_LABELS = {"label", "labels", "class", "target", "diagnosis", "finding", "finding labels"}
_NO_FINDING = re.compile(r"#|\b(id|index|number|count|unnamed|split|fold|age|sex|male|female)\b")
_NIH = "finding labels"  # NIH's column, which other tables have taken over


def read(table: TextTable, columns: Columns, class_names: ClassNames) -> FilmRows:
    """What a table says.

    A column of lists (`Edema|Pneumonia`) needs `class_names`, which say what makes a class; a table with a column for
    each finding, marked 0 and 1, is read like one, if one of them is pneumonia.

    Raises:
        LayoutError: a column is missing or ambiguous, or the findings do not say which class a film is of.
    """
    marks = _columns_of_marks(table) if columns.label is None else ()
    at, notes = find_columns(table, columns, ("path",) if marks else ("path", "label"), marks)
    if not marks and plain(table.header[at["label"]]) == "pneumonia" and all(map(is_mark, table.column(at["label"]))):
        marks = (at["label"],)
    if not table.rows:
        raise LayoutError(f"{say(table.path)}: a header but no rows; it should list a film in each line")
    separator = "" if marks else list_separator(table.column(at["label"]))
    findings = None
    if len(marks) == 1:
        findings = Findings(_CLASSES).renamed(class_names)
        name = say(table.header[marks[0]])
        notes.append(f"'{name}' is the one column of marks: 1 is PNEUMONIA, 0 NORMAL, whatever else such films show")
    elif marks:
        findings = Findings(_CLASSES).renamed(class_names)
        notes.append(f"a column of marks for each finding ({len(marks)} of them): {findings.in_words()}")
    elif separator:
        findings = _of_lists(table, at["label"], class_names)
        notes.append(f"the column '{say(table.header[at['label']])}' is a list of findings: {findings.in_words()}")
    elif class_names and _several_labels(table, at["path"], at["label"]):
        findings = Findings(_CLASSES).renamed(class_names)
        notes.append(f"a row a finding, several for a film: {findings.in_words()}")
    entries = []
    for row in table.rows:
        cells = {name: _filled(row.cells[place]) for name, place in at.items()}
        written = row.cells[at["path"]]
        if not written.strip():
            raise LayoutError(f"{say(table.path)}: line {row.line} has no path")
        found, unsure = _findings(row, table, marks, cells.get("label", ""), separator)
        split = _split(table, row, cells.get("split", ""))
        facts = {name: cells.get(name, "") for name in ("patient", "subtype", "view", "age", "sex", "site")}
        entries.append(FilmRow(row.line, (written,), found, unsure, split=split, **facts))
    return FilmRows(table.path, root_of(table.path), tuple(entries), findings, notes=tuple(notes))


def _filled(cell: str) -> str:
    """A cell without the spaces around it; empty where it holds what programs write for nothing."""
    cell = cell.strip()
    return "" if cell.lower() in _NOTHING else cell


def with_named_columns(source: FilmRows, table: TextTable, columns: Columns) -> FilmRows:
    """What a data set's table says, with the patients and splits of the columns that the user named.

    Raises:
        LayoutError: a column is not there, or the rows are those of another table, which was joined.
    """
    named = {what: name for what in ("patient", "split") if (name := getattr(columns, what)) is not None}
    if not named:
        return source
    rows = {row.line: row for row in table.rows}
    if source.table != table.path or not all(_names(rows.get(entry.line), entry) for entry in source.entries):
        raise LayoutError(f"{say(table.path)}: joined with other tables, so that no column of it can be named")
    places, _ = find_columns(table, columns, ())
    entries = []
    for entry in source.entries:
        cells = {what: _filled(rows[entry.line].cells[places[what]]) for what in named}
        split = _split(table, rows[entry.line], cells["split"]) if "split" in cells else entry.split
        entries.append(replace(entry, patient=cells.get("patient", entry.patient), split=split))
    return replace(source, entries=tuple(entries))


def _names(row: TableRow | None, entry: FilmRow) -> bool:
    """Whether a row names the film that was read from it."""
    stem = os.path.splitext(os.path.basename(entry.names[-1].replace("\\", "/")))[0]
    return row is not None and any(stem in cell for cell in row.cells)


def _several_labels(table: TextTable, path: int, label: int) -> bool:
    """Whether a film is in several rows with different labels."""
    pairs = {(row.cells[path].strip(), _filled(row.cells[label])) for row in table.rows}
    return len(pairs) > len({path for path, _ in pairs})


def _columns_of_marks(table: TextTable) -> tuple[int, ...]:
    """The columns of 0, 1 and -1 of a table that has a column for each finding, one of which is pneumonia."""
    names = {plain(name): place for place, name in enumerate(table.header)}
    if "pneumonia" not in names or _LABELS & names.keys():
        return ()
    return tuple(
        place
        for place, name in enumerate(table.header)
        if name and not _NO_FINDING.search(plain(name)) and all(is_mark(cell) for cell in table.column(place))
    )


def _of_lists(table: TextTable, place: int, class_names: ClassNames) -> Findings:
    name = table.header[place]
    if class_names or plain(name) == _NIH:
        return Findings(_CLASSES).renamed(class_names)
    example = next(cell for cell in table.column(place) if re.search(r"[|\[;,]", cell))
    raise LayoutError(
        f"{say(table.path)}: the column '{say(name)}' holds lists of findings (such as {say(example)}); say which of "
        "them make a class: --class 'PNEUMONIA=pneumonia' --class 'NORMAL=no finding'"
    )


def _findings(
    row: TableRow, table: TextTable, marks: tuple[int, ...], label: str, separator: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(marks) == 1 and row.cells[marks[0]].strip() in ("0", "0.0"):
        return ("No Finding",), ()
    if marks:
        return marked({table.header[place]: row.cells[place] for place in marks})
    if separator in (";", ","):
        return tuple(name for part in label.split(separator) if (name := part.strip())), ()
    return (as_list(label) if separator else (label,)), ()


def _split(table: TextTable, row: TableRow, split: str) -> str:
    if split and split.lower() not in SPLIT_WORDS:
        raise LayoutError(
            f"{say(table.path)}: line {row.line} has the split '{say(split)}'; write train, val or test"
        )
    return SPLIT_WORDS[split.lower()] if split else ""
