"""Which column of a table is what, by its name or as the user says, and which was not used but looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hilum.errors import LayoutError
from hilum.films.split_names import SPLIT_NAMES
from hilum.films.table_text import TextTable, plain
from hilum.films.wording import listed, say

# Names of columns as `plain` gives them.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "path": (
        "path", "file", "filename", "file name", "filepath", "file path", "image", "image index", "image path",
        "image file", "image name", "img", "img path", "film", "x ray image name", "image id", "imageid",
        "path to image", "file id",
    ),
    "label": (
        "label", "labels", "class", "target", "diagnosis", "category", "finding", "findings", "finding label",
        "finding labels", "class name",
    ),
    "patient": ("patient", "patient id", "patientid", "subject", "subject id"),
    "split": ("split", "subset", "partition"),
    "subtype": ("subtype", "cause"),
    "view": ("view", "view position", "viewposition", "projection"),
    "age": ("age", "patient age"),
    "sex": ("sex", "gender", "patient sex", "patient gender"),
    "site": ("site", "hospital", "institution", "centre", "center", "scanner", "manufacturer"),
}  # fmt: skip
_OPTIONS = {name: f"--{name}-column" for name in ("path", "label", "patient", "split")}
SPLIT_WORDS = {**SPLIT_NAMES, "validate": "val", "dev": "val"}
# What an unused column of such a name may have been meant as, the first that fits.
_LOOKS_LIKE = (
    ("patient", re.compile(r"patient|subject|person|\bmrn\b|case ?id")),
    ("label", re.compile(r"label|class|diagnos|finding|target|categor|disease|pneumonia|\bresult")),
    ("split", re.compile(r"split|subset|partition|dataset|\bset\b|\bphase\b|\busage\b|fold\b")),
)
_OTHER_FACTS = re.compile(r"\b(age|sex|gender|birth|orientation|position|weight|size|height|date|time|name)\b")
_MOST_WORDS = 6  # different values of a column that can be one of splits


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that the user named; a column without a name is found by its common names."""

    path: str | None = None
    label: str | None = None
    patient: str | None = None
    split: str | None = None


def find_columns(
    table: TextTable, columns: Columns, needed: Iterable[str] = ("path", "label"), marks: Iterable[int] = ()
) -> tuple[dict[str, int], list[str]]:
    """Find a table's columns; those of `marks` are in use already.

    Returns:
        The index of each column, by what it is, and notes on columns that look like one and were not used.

    Raises:
        LayoutError: a column that is needed, or that the user named, is not there, or two could both be it.
    """
    places: dict[str, int] = {}
    notes: list[str] = []
    for what in _NAMES:
        named = getattr(columns, what, None)
        place = _named(table, what, named) if named is not None else _common(table, what, notes, needed)
        if place is not None and (named is not None or place not in places.values()):
            places[what] = place
    return places, [*notes, *_unused(table, {*places.values(), *marks})]


def _named(table: TextTable, what: str, name: str) -> int:
    places = [place for place, each in enumerate(table.header) if each == name.strip()]
    places = places or [place for place, each in enumerate(table.header) if plain(each) == plain(name)]
    if len(places) != 1:
        raise LayoutError(
            f"{say(table.path)}: {_OPTIONS[what]} '{say(name)}' is not a column; the columns are: {_all(table)}"
        )
    return places[0]


def _common(table: TextTable, what: str, notes: list[str], needed: Iterable[str]) -> int | None:
    places = [place for place, name in enumerate(table.header) if plain(name) in _NAMES[what]]
    if len(places) > 1:
        candidates = " and ".join(f"'{say(table.header[place])}'" for place in places)
        if what not in _OPTIONS:
            notes.append(f"{candidates} could both be the {what}, and neither was used; remove one of them")
            return None
        raise LayoutError(
            f"{say(table.path)}: {candidates} could both be the {what}; name it with hilum index {_OPTIONS[what]}"
        )
    if not places and what in needed:
        raise LayoutError(
            f"{say(table.path)}: no column has a known name for the {what}; name it with hilum index "
            f"{_OPTIONS[what]}; the columns are: {_all(table)}"
        )
    return places[0] if places else None


def _all(table: TextTable) -> str:
    return listed([name for name in table.header if name], 30)


def _unused(table: TextTable, used: set[int]) -> list[str]:
    """A note on each unused column that looks like a patient, a class or a split."""
    notes = []
    for place, name in enumerate(table.header):
        what = _looks_like(table, place, plain(name)) if name and place not in used else ""
        if what:
            notes.append(
                f"the column '{say(name)}' looks like the {'class' if what == 'label' else what} and was not used; "
                f"to use it: {_OPTIONS[what]} '{say(name)}'"
            )
    return notes


def _looks_like(table: TextTable, place: int, name: str) -> str:
    values = {cell.lower() for cell in table.column(place)} - {""}
    if values and len(values) <= _MOST_WORDS and values <= SPLIT_WORDS.keys():
        return "split"
    if _OTHER_FACTS.search(name) or not values:
        return ""
    spaced = re.sub(r"(?<=[a-z])(?=(id|class|label)\b)", " ", name)
    return next((what for what, words in _LOOKS_LIKE if words.search(spaced)), "")
