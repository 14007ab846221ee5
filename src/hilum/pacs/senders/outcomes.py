"""What becomes of a result that is sent: it was taken, or one of two errors says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from hilum.errors import HilumError


class Unreachable(HilumError):
    """The destination did not say what became of the result: it is down, slow, closes in the middle, does not let
    this node in or speaks another protocol. It may have taken the result; sending the same one again does no harm."""


class Refused(HilumError):
    """The destination said that it did not take the result.

    Attributes:
        status: that it gave, such as `0xA700`; of HTTP such as `415`; `not negotiated` where it takes no
            such objects.
        may_pass: whether it may take the same result later, as after `out of resources`.
    """

    def __init__(self, line: str, status: str, may_pass: bool) -> None:
        super().__init__(line)
        self.status = status
        self.may_pass = may_pass


class Sender(Protocol):
    """A destination that is open. Threads may share it: so many send at a time as it has `connections`."""

    @property
    def name(self) -> str:
        """Of the destination."""

    def send(self, path: Path) -> None:
        """Send a DICOM file; that it was taken is said by returning.

        Args:
            path: of a file with a preamble and file meta information (PS3.10 section 7.1).

        Raises:
            Refused: the destination has answered that it does not take it.
            Unreachable: the destination has not answered.
            OSError: the file cannot be read.
        """

    def check(self) -> None:
        """Ask whether it is there and lets this node in: C-ECHO (PS3.7 section 9.1.5), or a question of HTTP.

        Raises:
            Refused: it does not answer such a question.
            Unreachable: as for `send`.
        """

    def close(self) -> None:
        """End its connections; those in use when their result is sent."""
