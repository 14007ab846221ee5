"""The age of whoever a film shows, as tables and DICOM headers write it."""

from __future__ import annotations

import re

# `58`, `58 years`, `7 months`, and DICOM's age strings `058Y`, `018M`, `003W`, `010D` (PS3.5, 6.2).
_AGE = re.compile(r"0*(\d+(?:\.\d+)?)\s*(?:([dwmy]).*)?", re.IGNORECASE | re.DOTALL)
_OF_A_YEAR = {"d": 365.25, "w": 52.18, "m": 12.0, "y": 1.0}


def years_of(age: str) -> float | None:
    """An age in years; None where the text says none.

    >>> years_of("058Y"), years_of("7 months"), years_of("unknown")
    (58.0, 0.5833333333333334, None)
    """
    found = _AGE.fullmatch(age.strip())
    return float(found[1]) / _OF_A_YEAR[(found[2] or "y").lower()] if found else None
