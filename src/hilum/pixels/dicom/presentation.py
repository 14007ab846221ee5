"""Stored values as grey: modality LUT, then VOI LUT or window (PS3.3 C.11, PS3.4 N.2), broken ones too.

Where a table or a window cannot be applied, or would show nothing of the film, the next one that can be is applied,
else the film's own range is stretched, as Horos, dcm4che and Cornerstone do; a remark says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.dicom.elements import first_number, name_of
from hilum.pixels.dicom.table import look_up, read_table
from hilum.pixels.dicom.window import MOST_TRIED, apply_window, windows_of
from hilum.pixels.scale import stretch
from hilum.recipe import GreyScale

if TYPE_CHECKING:
    from pydicom import Dataset

LUNG_WINDOW = (-600.0, 1500.0)  # centre and width in HU
_FEWEST = 8 / 255  # grey that the eye takes for black or white
_FEW = 32 / 255
_SAMPLED = 1 << 20


def modality_values(
    path: str, ds: Dataset, stored: NDArray[np.integer], little_endian: bool, remarks: list[str]
) -> tuple[NDArray[np.float32], bool]:
    """Stored values in the modality's units (PS3.3 C.11.1): by its LUT, by slope and intercept, or as they are.

    Returns:
        the values, and whether they are in the units that the film's windows are written for.

    Raises:
        FilmError: slope or intercept is no number.
    """
    problems: list[str] = []
    for item in _items(ds, "ModalityLUTSequence", problems):
        try:
            table = read_table(item, little_endian, float(stored.min()), float(stored.max()))
        except ValueError as error:
            problems.append(f"its modality LUT was ignored: {error}")
            continue
        values = look_up(stored, table)
        if values.min() == values.max():
            problems.append("its modality LUT was ignored: it begins or ends beside the stored values")
            continue
        remarks.extend(f"its modality LUT {problem}" for problem in table.problems)
        return values, True
    if problems:
        remarks.extend(problems)
        return stored.astype(np.float32), False
    values = stored.astype(np.float32)
    read = {keyword: first_number(ds, keyword) for keyword in ("RescaleSlope", "RescaleIntercept")}
    for keyword, number in read.items():
        if number.value is None and number.problem:
            raise FilmError(path, f"its {name_of(keyword)}: {number.problem}; correct it, or export the film again")
        if number.problem:
            remarks.append(f"its {keyword}: {number.problem}")
    slope, intercept = read["RescaleSlope"].value, read["RescaleIntercept"].value
    if slope == 0:  # GDCM and Horos read it so
        remarks.append("its rescale slope is 0 and was read as 1")
        slope = 1.0
    if (slope is None) != (intercept is None):
        remarks.append(
            f"its rescale {'slope is missing: 1' if slope is None else 'intercept is missing: 0'} was taken"
        )
    as_stored = (slope, intercept) == (1, 0) and stored.itemsize <= 2  # which leaves float32 as it is
    if not as_stored and (slope is not None or intercept is not None):
        slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            values = values * np.float32(slope) + np.float32(intercept)
        low, high = values.min(), values.max()
        if not low < high < np.inf or low == -np.inf:
            remarks.append(f"its rescale slope {slope:g} and intercept {intercept:g} leave no values; ignored")
            return stored.astype(np.float32), False
    return values, True


def presented(
    ds: Dataset,
    values: NDArray[np.float32],
    in_units: bool,
    padding: NDArray[np.bool_] | None,
    little_endian: bool,
    grey_scale: GreyScale,
    remarks: list[str],
) -> NDArray[np.float32]:
    """Values in the modality's units as 0 to 1, before the polarity, as the film itself says (PS3.3 C.11.2).

    Values that are not in the modality's units have no tables and windows of their own.
    """
    nothing = "shows next to nothing of its values and was ignored"
    for item in _items(ds, "VOILUTSequence", remarks) if in_units else []:
        try:
            table = read_table(item, little_endian, float(values.min()), float(values.max()))
        except ValueError as error:
            remarks.append(f"its VOI LUT was ignored: {error}")
            continue
        grey: NDArray[np.float32] = look_up(values, table) / np.float32(2**table.bits - 1)
        shown = _range_of(grey, padding)
        if not shown >= _FEWEST:
            remarks.append(f"its VOI LUT {nothing}")
            continue
        remarks.extend(f"its VOI LUT {problem}" for problem in table.problems)
        remarks.extend(_few("VOI LUT", grey, values, padding, shown))
        return grey
    step = first_number(ds, "RescaleSlope").value
    for window in windows_of(ds, abs(step or 1.0), remarks) if in_units else []:
        grey = apply_window(values, window.centre, window.width, window.function)
        shown = _range_of(grey, padding)
        if not shown >= _FEWEST:  # not a number: a window too large for any value
            remarks.append(f"its window (centre {window.centre:g}, width {window.width:g}) {nothing}")
            continue
        remarks.extend(window.problems)
        remarks.extend(_few("window", grey, values, padding, shown))
        return grey
    grey, problems = stretch(values, grey_scale, padding)
    remarks.extend(problems)
    return grey


def through_window(
    path: str, values: NDArray[np.float32], window: tuple[float, float], name: str
) -> NDArray[np.float32]:
    """Values through a window that is not the film's own: the recipe's, or the lung window.

    Linear over centre ± width/2 (LINEAR_EXACT).

    Raises:
        FilmError: the width is not above 0, or no value lies in the window.
    """
    centre, width = window
    if not width > 0:
        raise FilmError(path, f"{name} has width {width:g}; set pixels.window to a centre and a width above 0")
    grey = apply_window(values, centre, width, "LINEAR_EXACT")
    if grey.min() == grey.max():
        low, high = float(values.min()), float(values.max())
        raise FilmError(
            path,
            f"its values, {low:g} to {high:g}, lie beside {name}, {centre - width / 2:g} to {centre + width / 2:g}; "
            "set pixels.window to one that holds them, or remove the film",
        )
    return grey


def _items(ds: Dataset, keyword: str, remarks: list[str]) -> list[Dataset]:
    """The first items of a sequence; none if it cannot be read."""
    try:
        return list(ds.get(keyword) or [])[:MOST_TRIED]
    except Exception:  # pydicom reads a sequence on access, and what it may raise is not bounded
        remarks.append(f"its {name_of(keyword)} cannot be read and was ignored")
        return []


def _few(
    what: str,
    grey: NDArray[np.float32],
    values: NDArray[np.float32],
    padding: NDArray[np.bool_] | None,
    shown: float,
) -> list[str]:
    """The remark on a window or table that leaves few grey levels, by its range or between black and white."""
    span = round(255 * shown)
    levels = int(np.count_nonzero(np.bincount(np.rint(255 * _sample(grey, padding)).astype(np.uint8))))
    if levels < 255 * _FEW and levels < len(np.unique(_sample(values, padding))):
        span = min(span, levels)
    return [f"its {what} shows it in {span} of 255 grey levels"] if span < 255 * _FEW else []


def _range_of(grey: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> float:
    """The range of grey in which 99 of 100 exposed pixels lie."""
    low, high = np.percentile(_sample(grey, padding), [0.5, 99.5])
    return float(high - low)


def _sample(values: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Exposed pixels, evenly over the film, so many as are quickly sorted."""
    exposed = values.ravel() if padding is None else values[~padding]
    return exposed[:: max(len(exposed) // _SAMPLED, 1)]
