"""The age of whoever a film shows, as tables and DICOM headers write it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

# `58`, `58 years`, `7 months`, and DICOM's age strings `058Y`, `018M`, `003W`, `010D` (PS3.5, 6.2).
_AGE = re.compile(r"0*(\d+(?:\.\d+)?)\s*(?:([dwmy]).*)?", re.IGNORECASE | re.DOTALL)
_DATE = re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)")  # with points as in ACR-NEMA (PS3.5, section 6.2)
OLDEST = 120  # years; larger numbers are mistakes, such as ages in months without their unit
_OF_A_YEAR = {"d": 365.25, "w": 52.18, "m": 12.0, "y": 1.0}


def years_of(age: str) -> float | None:
    """An age in years; None where the text says none.

    >>> years_of("058Y"), years_of("7 months"), years_of("unknown")
    (58.0, 0.5833333333333334, None)
    """
    found = _AGE.fullmatch(age.strip())
    return float(found[1]) / _OF_A_YEAR[(found[2] or "y").lower()] if found else None


def age_at(born: str, taken: str) -> str:
    """An age as DICOM writes one: in days, in months from the first on, in years from the second on.

    Args:
        born: a date, as in `20190529`.
        taken: likewise.

    Returns:
        The age; empty where a date is none, or the film older than the patient.

    >>> age_at("20190529", "20230528"), age_at("20221001", "20230528"), age_at("20230527", "20230528")
    ('003Y', '007M', '001D')
    """
    try:
        first, last = (date(*map(int, found.groups())) for day in (born, taken) if (found := _DATE.fullmatch(day)))
    except ValueError:
        return ""
    months = 12 * (last.year - first.year) + last.month - first.month - (last.day < first.day)
    if last < first:
        return ""
    if months < 1:
        return f"{(last - first).days:03d}D"
    return f"{months:03d}M" if months < 24 else f"{months // 12:03d}Y"


def known_age(age: str, born: str, taken: Iterable[str]) -> str:
    """The age that a film says; where that is none, or no person's, it is counted from the dates.

    Args:
        age: as it is written.
        born: the date of birth.
        taken: dates on which the film may have been taken, the likeliest first.

    >>> known_age("", "19500101", ["", "20240102"]), known_age("005Y", "19500101", ["20240102"])
    ('074Y', '005Y')
    """
    years = years_of(age)
    if years is not None and years <= OLDEST:
        return age
    counted = (age_at(born, day) for day in taken)
    return next((each for each in counted if each and (years_of(each) or 0) <= OLDEST), age)
