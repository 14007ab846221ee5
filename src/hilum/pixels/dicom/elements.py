"""A data set's elements, whatever their writer made of them: read as text, as a whole number or as a number.

The standard fixes the type and the count of each element's values (PS3.6); files do not always keep to it. What can
be read in one way only is read; anything else is named, by the element's keyword and tag.
"""

from __future__ import annotations

import math
import re
from collections.abc import MutableSequence
from typing import TYPE_CHECKING, NamedTuple

from hilum.pixels.formats import one_line

if TYPE_CHECKING:
    from pydicom import Dataset

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


class ElementError(ValueError):
    """An element without which the pixels cannot be read, and that cannot be read itself."""


class Number(NamedTuple):
    """One value of an element; `value` is None if there is none that is a finite number.

    Attributes:
        value: the number.
        problem: what is wrong with how it is written, in words; empty where nothing is.
    """

    value: float | None
    problem: str = ""


def name_of(keyword: str) -> str:
    """An element as an error names it, such as `WindowWidth (0028,1051)`."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"{keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def values(ds: Dataset, keyword: str) -> list[object]:
    """All values of an element; where its type says what its bytes do not hold, the bytes as they are."""
    try:
        value = ds.get(keyword)
    except Exception:  # pydicom converts on access, and what its converters raise is not bounded
        value = _bytes_of(ds, keyword)
    if isinstance(value, bytes):
        value = _from_bytes(value)
    found = list(value) if isinstance(value, (MutableSequence, tuple)) else [value]
    return [one for one in found if one is not None and one != ""]


def text(ds: Dataset, keyword: str) -> str:
    """The first value in capital letters; empty if there is none."""
    found = values(ds, keyword)
    return one_line(found[0]).strip().upper() if found and str(found[0]).strip(" \0") else ""


def whole(ds: Dataset, keyword: str) -> int | None:
    """The one value of an element that counts or measures something; None if it is missing or empty.

    Raises:
        ElementError: it is no whole number, or there are several that differ.
    """
    read = [parsed(one) for one in values(ds, keyword)]
    numbers = {one.value for one in read}
    if not numbers:
        return None
    if len(numbers) > 1:
        listed = ", ".join(one_line(one) for one in values(ds, keyword)[:4])
        raise ElementError(f"its {name_of(keyword)} holds several values ({listed}) where one belongs")
    number = numbers.pop()
    if number is None or number != int(number):
        raise ElementError(f"its {name_of(keyword)} is {one_line(repr(values(ds, keyword)[0]))}, not a whole number")
    return int(number)


def numbers_of(ds: Dataset, keyword: str) -> list[Number]:
    """All values of an element as numbers."""
    return [parsed(one) for one in values(ds, keyword)]


def first_number(ds: Dataset, keyword: str) -> Number:
    """The first value of an element as a number."""
    found = numbers_of(ds, keyword)
    return found[0] if found else Number(None)


def parsed(value: object) -> Number:
    """A value as a number, a decimal comma read as a point.

    >>> parsed("2048,5")
    Number(value=2048.5, problem="'2048,5' has a decimal comma")
    >>> parsed("wide")
    Number(value=None, problem="'wide' is not a number")
    """
    if isinstance(value, (int, float)):  # pydicom's own numbers are subclasses of these
        number = float(value)
        return Number(number) if math.isfinite(number) else Number(None, f"{number} is not a finite number")
    words = one_line(value).strip(" \0")
    if not _NUMBER.fullmatch(words):
        try:
            return parsed(float(words))  # DSdecimal, and the spellings of infinity
        except ValueError:
            return Number(None, f"{words[:24]!r} is not a number")
    number = float(words.replace(",", "."))
    if not math.isfinite(number):
        return Number(None, f"{words[:24]!r} is not a finite number")
    return Number(number, f"{words[:24]!r} has a decimal comma" if "," in words else "")


def _bytes_of(ds: Dataset, keyword: str) -> object:
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    element = ds.get_item(tag) if tag is not None else None
    return getattr(element, "value", None)


def _from_bytes(raw: bytes) -> object:
    """What bytes of an unknown type hold: text, its values apart at backslashes, or an unsigned number."""
    stripped = raw.rstrip(b"\0 ")
    if stripped and all(32 <= byte < 127 for byte in stripped):
        return stripped.decode("ascii").split("\\")
    if len(raw) in (2, 4):
        return int.from_bytes(raw, "little")
    return one_line(raw.decode("latin-1")) if stripped else ""
