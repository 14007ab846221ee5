"""What the statuses of C-STORE say, which STOW-RS uses too for the reasons of its warnings and failures.

PS3.4 section B.2.3 (C-STORE), PS3.7 annex C (all DIMSE services), PS3.18 section I.2.2 (STOW-RS).
"""

from __future__ import annotations

import logging

from hilum.pacs.logs import log_event
from hilum.pacs.senders.outcomes import Refused

_WARNINGS = {
    0x0001: "it has to be looked at",
    0x0107: "some attributes are not known there",
    0x0116: "some values are outside what is allowed there",
    0xB000: "some elements were changed",
    0xB006: "some elements were thrown away",
    0xB007: "it does not match its SOP Class",
}
_FAILURES = {
    0x0110: "processing failure",
    0x0112: "no such SOP Instance",
    0x0117: "invalid SOP Instance UID",
    0x0118: "no such SOP Class",
    0x0119: "class and instance are at odds",
    0x0122: "SOP Class not supported",
    0x0124: "not authorised",
    0x0210: "duplicate invocation",
    0x0211: "unrecognised operation",
    0x0212: "mistyped argument",
    0x0213: "resource limitation",
}
_DUPLICATE = 0x0111
_PASSING = {0x0110, 0x0124, 0x0213}  # of the others the object is at fault, which stays the same


def warning_of(status: int) -> str:
    """What a status warns of where the object was taken all the same; empty for one without a warning.

    An object that is there already (0x0111) was taken: a UID of ours names one object only, and some destinations
    answer a repeat so.

    >>> warning_of(0x0000), warning_of(0xB000), warning_of(0xB123)
    ('', 'some elements were changed (0xB000)', 'a warning (0xB123)')
    """
    if status == 0:
        return ""
    words = "it was there already" if status == _DUPLICATE else _WARNINGS.get(status, "a warning")
    return f"{words} ({status:#06X})".replace("0X", "0x")


def is_taken(status: int) -> bool:
    """Whether an object was taken: success, or a warning.

    >>> [is_taken(status) for status in (0x0000, 0xB007, 0xA700, 0xC000, 0xFF00)]
    [True, True, False, False, False]
    """
    return status in (0, _DUPLICATE) or status in _WARNINGS or status >> 12 == 0xB


class StatusReader:
    """What one destination answers: an error for what it did not take, and a line of the log for each new warning."""

    def __init__(self, name: str) -> None:
        """Nothing was answered yet.

        Args:
            name: of the destination.
        """
        self._name = name
        self._warned: set[int] = set()

    def require_taken(self, status: int, comment: str = "") -> None:
        """Make sure that an object was taken.

        Args:
            status: of 16 bits.
            comment: the destination's own.

        Raises:
            Refused: it was not.
        """
        if not is_taken(status):
            raise refusal(self._name, status, comment)
        if status and status not in self._warned:
            self._warned.add(status)
            warning = warning_of(status)
            log_event("taken with a warning", level=logging.WARNING, destination=self._name, warning=warning)


def refusal(name: str, status: int, comment: str = "") -> Refused:
    """The error for a status that is no success and no warning.

    Args:
        name: of the destination.
        status: of 16 bits.
        comment: the destination's own, which may hold anything; its length is cut.
    """
    if status >> 8 == 0xA7:
        words = "out of resources"
    elif status >> 8 == 0xA9:
        words = "data set does not match the SOP Class"
    elif status >> 12 == 0xC:
        words = "cannot understand it"
    else:
        words = _FAILURES.get(status, "a status that is none of C-STORE's")
    code = f"0x{status:04X}"
    remark = f", and says: {comment[:64]}" if comment else ""
    # 0xCnnn too: products use it for whatever went wrong inside them.
    may_pass = status >> 8 == 0xA7 or status >> 12 == 0xC or status in _PASSING
    return Refused(f"{name} refuses a result: {words} ({code}){remark}", code, may_pass)
