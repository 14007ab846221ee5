"""What results take over from a film's header: checked, so that a wild header makes no invalid result.

What says whose film it is and of which study decides where a result is filed. Without it, or with something there
that DICOM does not allow, there is one refusal. Everything else that is not allowed is left out, and named in the log
by its keyword alone.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from hilum.errors import FilmError
from hilum.pacs.identity import is_allowed_uid
from hilum.pacs.reports.charset import Charset, charset_of
from hilum.pixels.decode import without_warnings

_log = logging.getLogger("hilum")
_PLACE = "the film's header"
# Required ones are there and empty where the film does not say (type 2 of PS3.3 C.7.1.1, C.7.2.1); others are absent.
_REQUIRED = {
    "PatientName": "PN",
    "PatientID": "LO",
    "PatientBirthDate": "DA",
    "PatientSex": "sex",
    "StudyDate": "DA",
    "StudyTime": "TM",
    "ReferringPhysicianName": "PN",
    "StudyID": "SH",
    "AccessionNumber": "SH",
}
_OPTIONAL = {"IssuerOfPatientID": "LO", "StudyDescription": "LO", "PatientAge": "AS", "TimezoneOffsetFromUTC": "zone"}


@dataclass(frozen=True, slots=True)
class FilmReference:
    """How a result refers to its film.

    Attributes:
        sop_class: SOP Class UID.
        instance: SOP Instance UID.
        study: Study Instance UID.
        series: Series Instance UID.
    """

    sop_class: str
    instance: str
    study: str
    series: str


@dataclass(frozen=True, slots=True)
class FilmIdentity:
    """What a result has in common with its film.

    Attributes:
        reference: to the film.
        values: of the patient and the study, by keyword: all that are required, and others that the film has.
        charset: in which they are written.
    """

    reference: FilmReference
    values: dict[str, str]
    charset: Charset


def read_identity(header: Dataset) -> FilmIdentity:
    """Read whose film it is.

    Args:
        header: the film's elements; pixel data may be missing.

    Raises:
        FilmError: it names no study, series, SOP instance or SOP class, or one that is no UID of at most 64
            characters; or its Patient ID is longer than 64 characters or holds characters that DICOM does not allow.
    """
    with without_warnings():
        keywords = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
        reference = FilmReference(*(_read_uid(header, keyword) for keyword in keywords))
        texts, wrong = _plain_texts(header)
        charset = charset_of(_declared(header), "".join(texts.values()))
    values: dict[str, str] = {}
    for keyword, kind in {**_REQUIRED, **_OPTIONAL}.items():
        text = texts.get(keyword, "")
        try:
            values[keyword] = _RULES[kind](charset.kept(text)) if text else ""
        except ValueError:  # a UnicodeError is one too
            values[keyword] = ""
            wrong.append(keyword)
    if "PatientID" in wrong:
        raise FilmError(
            _PLACE,
            "its Patient ID (0010,0020) is none that DICOM allows (one value of at most 64 characters), so no report "
            "can be filed under it; correct it where the film comes from",
        )
    if wrong:
        _log.warning("a film's header: %s not as DICOM has it, left out of its results", ", ".join(wrong))
    return FilmIdentity(reference, {key: text for key, text in values.items() if text or key in _REQUIRED}, charset)


def _plain_texts(header: Dataset) -> tuple[dict[str, str], list[str]]:
    """What is taken over, as pydicom reads it, and the keywords of what is no text."""
    texts: dict[str, str] = {}
    wrong: list[str] = []
    for keyword in (*_REQUIRED, *_OPTIONAL):
        try:
            texts[keyword] = _plain(header, keyword)
        except ValueError:
            wrong.append(keyword)
    return texts, wrong


def _declared(header: Dataset) -> object:
    try:
        return header.get("SpecificCharacterSet")
    except Exception:  # as below
        return None


def _read_uid(header: Dataset, keyword: str) -> str:
    try:
        uid = _plain(header, keyword)
    except ValueError:
        uid = ""
    if not is_allowed_uid(uid):
        raise FilmError(
            _PLACE,
            f"it has no valid {keyword} (a UID of at most 64 characters, without zeros in front of its numbers), so "
            "no report can be filed with it; correct it where the film comes from",
        )
    return uid


def read_size(header: Dataset) -> tuple[int, int]:
    """Rows and columns of the film; zeros where it does not say."""
    found = [read_texts(header, keyword, r"\d{1,5}") for keyword in ("Rows", "Columns")]
    return (int(found[0][0]), int(found[1][0])) if all(len(each) == 1 for each in found) else (0, 0)


def read_texts(header: Dataset, keyword: str, pattern: str) -> tuple[str, ...]:
    """The values of an element, if it is there and each of them fits a pattern, else none."""
    with without_warnings():
        try:
            found = header.get(keyword)
            values = (found,) if isinstance(found, str | int | float) else tuple(found or ())
            texts = tuple(str(value).strip(" \0") for value in values)
        except Exception:  # what pydicom may raise for a damaged element is not bounded
            return ()
    return texts if all(re.fullmatch(pattern, text, re.ASCII) for text in texts) else ()


def _plain(header: Dataset, keyword: str) -> str:
    """An element's one text without its padding; ValueError for what is none."""
    try:
        found = header.get(keyword)
    except Exception:  # what pydicom may raise for a damaged element is not bounded
        raise ValueError(keyword) from None
    if found is None:
        return ""
    if isinstance(found, bytes):
        found = found.decode("ascii")  # of VR UN; a UnicodeDecodeError is a ValueError
    if not isinstance(found, str | PersonName):
        if isinstance(found, list | tuple) or getattr(found, "__len__", None):
            if len(found) == 0:
                return ""
            raise ValueError(keyword)
        found = str(found)
    return str(found).strip(" \0")


def _limited(longest: int) -> Callable[[str], str]:
    def rule(text: str) -> str:
        if len(text) > longest or not _is_printable(text) or "\\" in text:
            raise ValueError
        return text

    return rule


def _is_printable(text: str) -> bool:
    """No control characters, and nothing that stands for bytes that could not be read."""
    return not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "�" for char in text)


def _person(text: str) -> str:
    """PN: up to three groups of 64 characters, of up to five components (PS3.5 6.2.1)."""
    groups = text.split("=")
    if len(groups) > 3 or any(len(group) > 64 or group.count("^") > 4 for group in groups):
        raise ValueError
    return _limited(200)(text)


def _date(text: str) -> str:
    """DA; with points as in ACR-NEMA too (PS3.5 6.2)."""
    match = re.fullmatch(r"(\d{4})(\.?)(\d{2})\2(\d{2})", text, re.ASCII)
    if not match:
        raise ValueError
    return date(int(match[1]), int(match[3]), int(match[4])).strftime("%Y%m%d").rjust(8, "0")


def _time(text: str) -> str:
    """TM; with colons as in ACR-NEMA too."""
    plain = re.sub(r"^(\d{2}):(\d{2})(?::(\d{2}))?", r"\1\2\3", text)
    match = re.fullmatch(r"(\d{2})(?:(\d{2})(?:(\d{2})(\.\d{1,6})?)?)?", plain, re.ASCII)
    if not match:
        raise ValueError
    time(int(match[1]), int(match[2] or 0), int(match[3] or 0))
    return plain


def _fitting(pattern: str) -> Callable[[str], str]:
    def rule(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError
        return text

    return rule


_RULES: dict[str, Callable[[str], str]] = {
    "PN": _person,
    "LO": _limited(64),
    "SH": _limited(16),
    "DA": _date,
    "TM": _time,
    "sex": _fitting("[MFO]"),
    "AS": _fitting(r"\d{3}[DWMY]"),
    "zone": _fitting(r"(?!-0000)-(0\d|1[01])[0-5]\d|-1200|\+(0\d|1[0-3])[0-5]\d|\+1400"),
}
