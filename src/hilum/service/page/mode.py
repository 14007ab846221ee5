"""*Read first, reveal after*: a browser's own mode, in which a film's answer is shown only after its reader's.

Lists and films show answers while the mode is off. So a reading counts as unaided only of films that came after the
mode was switched on, and only the first time: a reading that is taken back was followed by the answer.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request, Response

from hilum.records import NOT_JUDGED
from hilum.service.service import Service
from hilum.store import StoredPrediction

_COOKIE = "hilum_read_first"  # milliseconds since 1970
_YEAR = 31_536_000  # seconds


@dataclass(frozen=True, slots=True)
class ReadFirst:
    """The mode of whoever is looking.

    Attributes:
        since: when it was switched on; None while it is off.
    """

    since: datetime | None

    @classmethod
    def of(cls, request: Request) -> ReadFirst:
        """The mode that a request brings."""
        cookie = request.cookies.get(_COOKIE, "")
        if not re.fullmatch(r"[1-9]\d{0,13}", cookie, re.ASCII):
            return cls(None)
        return cls(datetime.fromtimestamp(int(cookie) / 1000, UTC))

    def hides(self, stored: StoredPrediction, *, is_read: bool) -> bool:
        """Whether an answer waits for the reader's.

        Args:
            stored: the answer.
            is_read: whether the reader has given a verdict before, also one that was taken back.
        """
        return self.since is not None and not is_read and stored.row.answer != NOT_JUDGED

    def is_unaided(self, stored: StoredPrediction, *, is_read: bool) -> bool:
        """Whether the reader cannot have seen the answer yet."""
        return self.hides(stored, is_read=is_read) and self.since is not None and stored.created >= self.since


def switch(service: Service, reply: Response, *, on: bool) -> None:
    """Have a browser keep the mode."""
    reply.set_cookie(
        _COOKIE,
        str(int(time.time() * 1000) + 1) if on else "0",
        httponly=True,
        samesite="strict",
        secure=service.settings.secure,
        max_age=_YEAR,
    )
