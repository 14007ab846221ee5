"""DICOM's windows (PS3.3 C.11.2.1.2 and C.11.2.1.3), and what becomes of those that the standard does not allow."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.dicom.elements import numbers_of, text

if TYPE_CHECKING:
    from pydicom import Dataset

MOST_TRIED = 16  # windows, or tables: films have up to five, and each one takes a pass over the film
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


class Window(NamedTuple):
    """A window as it can be applied.

    Attributes:
        centre: in the modality's units.
        width: as for `apply_window`.
        function: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`.
        problems: what was repaired, in words.
    """

    centre: float
    width: float
    function: str
    problems: tuple[str, ...] = ()


def windows_of(ds: Dataset, step: float, remarks: list[str]) -> list[Window]:
    """The windows of a film that can be applied, in their order.

    LINEAR takes half a unit from the centre and one from the width, which supposes values that are whole numbers
    (PS3.3 C.11.2.1.2.1). A width below 1 it does not allow; on values in smaller steps, such as 0 to 1, narrow
    windows mean LINEAR_EXACT, and dcm4che, which counts a window in stored values, shows them so.

    Args:
        ds: the film's data set.
        step: by how much values differ whose stored values differ by 1: the rescale slope, without its sign.
        remarks: gets why others were left out.
    """
    centres, widths = numbers_of(ds, "WindowCenter"), numbers_of(ds, "WindowWidth")
    if bool(centres) != bool(widths):
        remarks.append(f"its window has no {'width' if centres else 'centre'} and was ignored")
    if not (centres and widths):
        return []
    if len(centres) > MOST_TRIED:
        remarks.append(f"of its {len(centres):,} windows the first {MOST_TRIED} were looked at")
    function, misspelt = function_of(text(ds, "VOILUTFunction"))
    usable = []
    for centre, width in zip(centres[:MOST_TRIED], widths[:MOST_TRIED], strict=False):
        problems = [misspelt] if misspelt else []
        problems += [f"its window: {one.problem}" for one in (centre, width) if one.problem]
        if centre.value is None or width.value is None:
            remarks.extend(f"{problem}; it was ignored" for problem in problems[-1:])
        elif width.value <= 0:
            remarks.append(f"its window has width {width.value:g} and was ignored")
        else:
            exact = function == "LINEAR" and width.value < (1 if step > 0.1 else 2)
            if exact:
                problems.append(f"its window of width {width.value:g} is too narrow for LINEAR; read as LINEAR_EXACT")
            usable.append(Window(centre.value, width.value, "LINEAR_EXACT" if exact else function, tuple(problems)))
    return usable


def function_of(written: str) -> tuple[str, str]:
    """The VOI LUT function that a film names, and what is wrong with the name.

    >>> function_of("LINEAR EXACT")
    ('LINEAR_EXACT', "its VOI LUT function 'LINEAR EXACT' was read as LINEAR_EXACT")
    >>> function_of("")
    ('LINEAR', '')
    """
    if not written or written in _FUNCTIONS:
        return written or "LINEAR", ""
    plain = re.sub("[^A-Z]+", "_", written.upper()).strip("_")
    near = difflib.get_close_matches(plain, _FUNCTIONS, n=1, cutoff=0.75)
    function = near[0] if near else "LINEAR"
    return function, f"its VOI LUT function {written[:24]!r} was read as {function}"


def apply_window(values: NDArray[np.float32], centre: float, width: float, function: str) -> NDArray[np.float32]:
    """Map values to 0 to 1, by a function of PS3.3.

    `LINEAR` is C.11.2.1.2.1, `SIGMOID` C.11.2.1.3.1, `LINEAR_EXACT` C.11.2.1.3.2.

    Raises:
        ValueError: an unknown function, or a width below 1 (`LINEAR`) or not above 0 (the others).
    """
    if function not in _FUNCTIONS:
        raise ValueError(f"its VOI LUT function {function} is none of LINEAR, LINEAR_EXACT and SIGMOID")
    if width < 1 if function == "LINEAR" else width <= 0:
        raise ValueError(f"its window of width {width:g} is not valid for {function}")
    if function == "SIGMOID":
        steepness = np.clip(-4 * (values - np.float32(centre)) / np.float32(width), -80, 80)  # exp stays finite
        return cast(NDArray[np.float32], np.float32(1) / (np.float32(1) + np.exp(steepness)))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(np.float32)
    grey = values - np.float32(centre)
    grey /= np.float32(width)
    grey += np.float32(0.5)
    return np.clip(grey, 0, 1, out=grey)
