"""A table of films: a CSV with a column of paths and one of labels, with NIH's names too, or a Hilum manifest."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from hilum.errors import LayoutError
from hilum.files import open_regular, open_text
from hilum.films.discovery import SourceFilms
from hilum.films.folders import SPLIT_NAMES
from hilum.films.image_locator import ImageLocator
from hilum.films.names import NameReader
from hilum.films.wording import count, listed, say
from hilum.records import Film, is_manifest_header, read_manifest

# Names of columns in lower case, with one space for `_`, `-` and spaces.
_PATH = (
    "path", "file", "filename", "file name", "filepath", "file path", "image", "image index", "image path",
    "image file", "image name", "img", "img path", "film",
)  # fmt: skip
_LABEL = ("label", "labels", "class", "target", "diagnosis", "category", "finding", "finding label", "finding labels")
_PATIENT = ("patient", "patient id", "patientid", "subject", "subject id")
_OPTIONAL = {
    "split": ("split", "subset", "partition"),
    "subtype": ("subtype", "cause"),
    "view": ("view", "view position", "projection"),
    "age": ("age", "patient age"),
    "sex": ("sex", "gender", "patient sex", "patient gender"),
    "site": ("site", "hospital", "institution", "centre", "center", "scanner", "manufacturer"),
}
_NIH_LABEL = "finding labels"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that the user named; a column without a name is found by its common names."""

    path: str | None = None
    label: str | None = None
    patient: str | None = None


def read_table(source: str, columns: Columns, naming: NameReader) -> SourceFilms:
    """The films that a table lists, in its order; paths are relative to the table's folder, or in a sub-folder of it.

    NIH's `Finding Labels` become PNEUMONIA if the list contains it and NORMAL for `No Finding`; other films are
    unlabelled.

    Raises:
        LayoutError: the table is damaged, a column is missing or ambiguous, an image is missing or listed twice.
    """
    if _is_manifest(source):
        return _manifest(source)
    rows = _rows(source)
    return _Table(source, rows[0][1], rows[1:], columns).read(naming)


def _is_manifest(source: str) -> bool:
    try:
        with open_regular(source) as file:
            return is_manifest_header(file.readline(1000).decode("latin-1").rstrip("\r\n").split(","))
    except OSError as error:
        raise LayoutError(f"{say(source)}: the table cannot be read ({error.strerror})") from None


def _manifest(source: str) -> SourceFilms:
    films = read_manifest(Path(source)).films
    for film in films:
        if film.split not in ("", *SPLIT_NAMES.values()):
            raise LayoutError(
                f"{say(source)}: {say(film.path)} has the split '{film.split}'; write train, val or test"
            )
    locator = ImageLocator(source)
    missing = [film.path for film in films if not locator.exists(film.path)]
    if missing:
        raise LayoutError(
            f"{say(source)}: {count(len(missing), 'film')} of {len(films)} missing: {listed(missing)}; "
            "restore them, or make a new manifest with hilum index"
        )
    return SourceFilms(films, settled=any(film.split for film in films))


def _rows(source: str) -> list[tuple[int, list[str]]]:
    """The header and the rows, each with the number of its first line; blank lines are skipped."""
    try:
        with open_text(source, "utf-8-sig") as file:
            first = file.readline(1 << 20)
            separator = next((mark for mark in ",;\t" if mark in first), ",")
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            rows = []
            begins = 1
            for row in reader:
                if any(cell.strip() for cell in row):
                    rows.append((begins, row))
                begins = reader.line_num + 1
    except csv.Error as error:
        raise LayoutError(f"{say(source)}: line {reader.line_num}: not a readable CSV ({error})") from None
    except UnicodeDecodeError:
        raise LayoutError(f"{say(source)}: not UTF-8 text; save the table as CSV UTF-8") from None
    if not rows:
        raise LayoutError(
            f"{say(source)}: empty; it should have a line with the names of its columns, and a line for each film"
        )
    return rows


class _Table:
    def __init__(self, source: str, header: list[str], rows: list[tuple[int, list[str]]], columns: Columns) -> None:
        self.source = source
        self.header = [name.strip() for name in header]
        self.rows = rows
        named = [name for name in self.header if name]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise LayoutError(f"{say(source)}: the header has {listed(twice)} twice; rename or remove one of them")
        path = self.column("path", columns.path, _PATH, "--path-column")
        label = self.column("label", columns.label, _LABEL, "--label-column")
        assert path is not None
        assert label is not None
        self.path, self.label = path, label
        self.patient = self.column("patient", columns.patient, _PATIENT, "--patient-column")
        self.optional = {
            what: place
            for what, names in _OPTIONAL.items()
            if (place := self.column(what, None, names, "")) is not None and place not in (self.path, self.label)
        }
        if not rows:
            raise LayoutError(f"{say(source)}: a header but no rows; it should list a film in each line")

    def column(self, what: str, named: str | None, common: tuple[str, ...], option: str) -> int | None:
        """The index of a column: of the one that the user named, else of the one with a common name."""
        found = listed([name for name in self.header if name], 30)
        if named is not None:
            places = [place for place, name in enumerate(self.header) if name == named]
            if not places:
                places = [place for place, name in enumerate(self.header) if name.lower() == named.lower()]
            if len(places) != 1:
                raise LayoutError(
                    f"{say(self.source)}: {option} '{say(named)}' is not a column; the columns are: {found}"
                )
            return places[0]
        places = [place for place, name in enumerate(self.header) if re.sub(r"[\s_-]+", " ", name.lower()) in common]
        if len(places) > 1:
            fix = f"name it with hilum index {option}" if option else "rename or remove one"
            candidates = " and ".join(f"'{say(self.header[place])}'" for place in places)
            raise LayoutError(f"{say(self.source)}: {candidates} could both be the {what}; {fix}")
        if not places and what in ("path", "label"):
            raise LayoutError(
                f"{say(self.source)}: no column has a known name for the {what}; name it with hilum index {option}; "
                f"the columns are: {found}"
            )
        return places[0] if places else None

    def read(self, naming: NameReader) -> SourceFilms:
        locator = ImageLocator(self.source)
        films = []
        missing = []
        first_line: dict[str, int] = {}
        for line, row in self.rows:
            if len(row) != len(self.header):
                raise LayoutError(
                    f"{say(self.source)}: line {line} has {count(len(row), 'field')}, the header {len(self.header)}"
                )
            written = row[self.path]
            if not written.strip():
                raise LayoutError(f"{say(self.source)}: line {line} has no path")
            path = locator.find(written)
            if path is None:
                missing.append(written)
                continue
            if path in first_line:
                raise LayoutError(
                    f"{say(self.source)}: lines {first_line[path]} and {line} both list {say(written)}; remove one"
                )
            first_line[path] = line
            films.append(self.film(path, written, line, row, naming))
        if missing:
            raise LayoutError(
                f"{say(self.source)}: {len(missing)} of {count(len(self.rows), 'image')} not found "
                f"({listed(missing)}); "
                "they are searched for next to the table and in the folders below it"
            )
        return SourceFilms(tuple(films), self.notes(films))

    def film(self, path: str, written: str, line: int, row: list[str], naming: NameReader) -> Film:
        values = {what: row[place].strip() for what, place in self.optional.items()}
        split = values.get("split", "")
        if split and split.lower() not in SPLIT_NAMES:
            raise LayoutError(
                f"{say(self.source)}: line {line} has the split '{say(split)}'; write train, val or test"
            )
        name = naming.read(written)
        values["split"] = SPLIT_NAMES[split.lower()] if split else ""
        values["subtype"] = values.get("subtype") or name.subtype
        patient = row[self.patient].strip() if self.patient is not None else name.patient
        return Film(path, label=self.class_of(row[self.label].strip()), patient=patient, **values)

    @property
    def is_nih(self) -> bool:
        return self.header[self.label].lower() == _NIH_LABEL

    def class_of(self, label: str) -> str:
        if not self.is_nih:
            return label
        findings = [finding.strip().lower() for finding in label.split("|")]
        if "pneumonia" in findings:
            return "PNEUMONIA"
        return "NORMAL" if findings == ["no finding"] else ""

    def notes(self, films: list[Film]) -> tuple[str, ...]:
        unlabelled = sum(not film.label for film in films)
        if not unlabelled:
            return ()
        why = "neither Pneumonia nor No Finding" if self.is_nih else "their label is empty"
        return (f"{say(self.source)}: {count(unlabelled, 'film')} unlabelled ({why})",)
