"""What makes two films the same one for a node, and the UIDs of its results, which follow from that.

Sending is at least once. A result that is made or sent again is the same object, since its UIDs are computed from the
film, its pixels, the detector and the version of the result, and from nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Literal

# An arc below a UUID (ITU-T X.667; PS3.5 B.2), drawn once for Hilum: 8c64e7cd-68a2-4b28-86ce-0f9e8c2f3a51.
UID_ROOT = "2.25.186615850606516105858710330429095754321"
RESULT_VERSION = 1  # of what results say and how they look; with a new one every film has new results

_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+)*")
_ZERO_IN_FRONT = re.compile(r"(^|\.)0[0-9]")

ResultKind = Literal["report", "capture"]
RESULT_KINDS: tuple[ResultKind, ...] = ("report", "capture")


@dataclass(frozen=True, slots=True)
class FilmKey:
    """A film and the detector that answers it.

    >>> key = FilmKey("1.2.3", "0" * 64, "1" * 64, "youden")
    >>> key.workflow_id == FilmKey("1.2.3", "0" * 64, "1" * 64, "youden").workflow_id
    True
    >>> key.uid("report") == key.uid("capture")
    False

    Attributes:
        instance: the film's SOP Instance UID.
        pixels: the SHA-256 of its pixel data as they were sent, in hexadecimal.
        seal: of the bundle.
        operating_point: by which the bundle's threshold was chosen.
        version: of the result.
    """

    instance: str
    pixels: str
    seal: str
    operating_point: str
    version: int = RESULT_VERSION

    @property
    def workflow_id(self) -> str:
        """The SHA-256 of them all, in hexadecimal."""
        parts = [self.instance, self.pixels, self.seal, self.operating_point, self.version]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def uid(self, what: str) -> str:
        """A UID below `UID_ROOT`, of at most 64 characters, that follows from the key alone.

        Args:
            what: of which object, such as `report`, `capture`, `tracking`.
        """
        return derived_uid(self.workflow_id, what)


def derived_uid(*parts: str) -> str:
    """A UID below `UID_ROOT` that follows from some texts alone, for series and devices.

    >>> len(derived_uid("study", "report")) <= 64
    True
    """
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return f"{UID_ROOT}.{int.from_bytes(digest[:8], 'big') >> 1}"


def is_own(uid: str) -> bool:
    """Whether a UID was made here, by any node."""
    return uid.startswith(f"{UID_ROOT}.")


def is_uid(text: str) -> bool:
    """Whether a text is a UID by which an object may be kept: digits and points, at most 64 characters.

    Zeros in front of numbers, which DICOM does not allow (PS3.5, section 9.1), are frequent and do no harm here.

    >>> is_uid("1.2.840.10008.1.1"), is_uid("1.2.0840"), is_uid("../1.2"), is_uid("")
    (True, True, False, False)
    """
    return len(text) <= 64 and _NUMBERS.fullmatch(text) is not None


def is_allowed_uid(text: str) -> bool:
    """Whether a result may refer to a UID: one as `is_uid` says, without zeros in front of its numbers.

    DCMTK reads no report that names a film by a UID with such zeros, and `dciodvfy` finds it wrong.

    >>> is_allowed_uid("1.2.840.0"), is_allowed_uid("1.2.0840")
    (True, False)
    """
    return is_uid(text) and not _ZERO_IN_FRONT.search(text)
