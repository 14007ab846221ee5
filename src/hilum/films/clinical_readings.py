"""Ages and sexes from the texts beside the films of Shenzhen and Montgomery County (`ClinicalReadings/NAME.txt`)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

from hilum.files import open_regular
from hilum.films.left_out import SkippedFiles
from hilum.records import Film

_FOLDER = "clinicalreadings"
_BYTES = 4096  # the longest has about 300
# "female 24yrs", "male , 3 months", "Patient's Sex: F", "Patient's Age: 027Y"
_SEX = re.compile(r"\b(?:sex\W*)?(f|m|female|male)\b", re.IGNORECASE)
_AGE = re.compile(r"(?:age\W*)?\b0*(\d{1,3})\s*(y|years?|yrs?|yo|months?|m|days?|d)\b", re.IGNORECASE)


def with_clinical_readings(films: Sequence[Film], skipped: SkippedFiles) -> list[Film]:
    """The films with what the texts of the same name say; `skipped` no longer counts these texts.

    A film without a text, and what a text does not say, stays unknown.
    """
    texts = {
        os.path.splitext(os.path.basename(path))[0]: path
        for path in skipped.other
        if os.path.basename(os.path.dirname(path)).lower().replace("_", "") == _FOLDER and path.endswith(".txt")
    }
    found = []
    for film in films:
        path = texts.get(os.path.splitext(os.path.basename(film.path))[0])
        sex, age = read_reading(path) if path else ("", "")
        found.append(replace(film, sex=film.sex or sex, age=film.age or age))
    for path in texts.values():
        del skipped.other[path]
    return found


def read_reading(path: str) -> tuple[str, str]:
    """Sex, `F` or `M`, and age in whole years as a text gives them; empty where it does not, or cannot be read."""
    try:
        with open_regular(path) as file:
            text = file.read(_BYTES).decode("latin-1")
    except OSError:
        return "", ""
    sex, age = _SEX.search(text), _AGE.search(text)
    years = (age[1] if age[2].lower().startswith("y") else "0") if age else ""
    return (sex[1][0].upper() if sex else ""), years
