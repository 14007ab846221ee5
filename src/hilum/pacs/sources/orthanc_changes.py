"""Films out of an Orthanc, which numbers everything that happens to it: `/changes` of its REST API."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct, field

from hilum.pacs.logs import log_event
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.sources.fetching import InstanceFetcher
from hilum.pacs.sources.taking import Cursors, FilmIntake
from hilum.pacs.web import WebServer, json_of
from hilum.pixels.dicom.kind import MISSPELT

_A_PAGE = 100  # changes
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}")  # a SHA-1, as Orthanc writes it
_MODALITY = "0008-0060"


class _Change(Struct):
    seq: int = field(name="Seq")
    kind: str = field(name="ChangeType")
    id: str = field(name="ID")
    date: str = field(name="Date", default="")

    @property
    def mark(self) -> str:
        """A few digits that tell this change from one of the same number in another Orthanc."""
        return hashlib.blake2b(f"{self.kind} {self.id} {self.date}".encode(), digest_size=6).hexdigest()


class _Page(Struct):
    changes: list[_Change] = field(name="Changes")
    last: int = field(name="Last")


class _Place(Struct, omit_defaults=True):
    """The cursor: the number of the last change that was handled, its mark, and the date before which none counts."""

    at: int = 0
    mark: str = ""
    since: str = ""


class OrthancChanges:
    """Follows an Orthanc. What is deleted there before it was fetched is missed."""

    def __init__(
        self,
        server: WebServer,
        intake: FilmIntake,
        cursors: Cursors,
        modalities: Collection[str],
        days_back: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Ask nothing yet.

        Args:
            server: Orthanc's REST API.
            intake: takes films.
            cursors: keeps the place.
            modalities: that are fetched; empty for every one.
            days_back: of changes before the first look; 0 begins with the next change.
            now: the clock.
        """
        self._server, self._intake, self._cursors = server, intake, cursors
        self._modalities, self._days_back, self._now = modalities, days_back, now
        self._fetcher = InstanceFetcher(server, intake)

    def look(self, stopping: threading.Event) -> int:
        """Take every film that is new; gives how many.

        Raises:
            Unreachable: Orthanc does not answer, or not as one.
            StoreError: the film or the place cannot be kept.
        """
        place, films = self._place(), 0
        while not stopping.is_set():
            changes = self._after(place)
            handled = place
            try:
                for change in changes:
                    if stopping.is_set():
                        break
                    if change.date >= place.since:
                        films += self._handle(change)
                    handled = _Place(change.seq, change.mark, place.since)
            finally:
                if handled != place:  # what was taken before an error need not be fetched again
                    self._move(handled)
            place = handled
            if len(changes) < _A_PAGE:
                break
        return films

    def check(self) -> None:
        """Ask whether it is there, by its last change.

        Raises:
            Unreachable: Orthanc does not answer, or not as one.
        """
        self._page("last")

    def close(self) -> None:
        """End its connections."""
        self._server.close()

    def _place(self) -> _Place:
        kept = self._cursors.cursor(self._intake.name)
        if kept:
            try:
                return msgspec.json.decode(kept, type=_Place)
            except msgspec.MsgspecError:
                log_event("source starts anew", level=logging.WARNING, source=self._intake.name, why="no such place")
        if self._days_back or kept:
            first = self._now() - timedelta(days=self._days_back)
            return _Place(since="" if kept else first.strftime("%Y%m%dT%H%M%S"))  # as Orthanc writes dates
        page = self._page("last")
        last = page.changes[-1] if page.changes else None
        place = _Place(page.last, last.mark if last and last.seq == page.last else "")
        self._move(place)
        return place

    def _move(self, place: _Place) -> None:
        self._cursors.move_cursor(self._intake.name, msgspec.json.encode(place).decode())

    def _after(self, place: _Place) -> list[_Change]:
        """The changes after a place; every one, where the place is of an Orthanc that was emptied since."""
        if not place.at:
            return self._page(f"since=0&limit={_A_PAGE}").changes
        page = self._page(f"since={place.at - 1}&limit={_A_PAGE + 1}")
        same = page.changes[0] if page.changes and page.changes[0].seq == place.at else None
        other = same is not None and bool(place.mark) and same.mark != place.mark
        if other or (not page.changes and page.last < place.at):
            why = "Orthanc counts anew"
            log_event("source starts anew", level=logging.WARNING, source=self._intake.name, why=why)
            return self._page(f"since=0&limit={_A_PAGE}").changes
        return page.changes[1:] if same else page.changes[:_A_PAGE]

    def _page(self, query: str) -> _Page:
        answer, content = self._server.ask(f"/changes?{query}")
        page = json_of(content, _Page) if answer.status == 200 else None
        if page is None:
            raise Unreachable(f"{self._server.name}: {self._server.where} does not answer as Orthanc does")
        return page

    def _handle(self, change: _Change) -> int:
        """1 where a film was taken."""
        if change.kind != "NewInstance" or not _ID.fullmatch(change.id) or not self._is_wanted(change.id):
            return 0
        return self._fetcher.fetch(change.id, f"/instances/{change.id}/file")

    def _is_wanted(self, instance: str) -> bool:
        if not self._modalities:
            return True
        answer, content = self._server.ask(f"/instances/{instance}/content/{_MODALITY}")
        modality = content.decode("ascii", "replace").strip(" \0").upper()
        # What names none, or none of the standard's, has a storage class.
        return answer.status != 200 or modality in ("", *self._modalities, *MISSPELT)
