"""Films out of a DICOMweb server, which is asked for studies (QIDO-RS) and for their films (WADO-RS): PS3.18."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct, field

from hilum.pacs.identity import is_uid
from hilum.pacs.logs import log_event
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.sources.fetching import InstanceFetcher
from hilum.pacs.sources.taking import Cursors, FilmIntake
from hilum.pacs.web import WebServer, json_of

_A_PAGE = 100  # studies, series or instances
_MOST_PAGES = 1000
_JSON = "application/dicom+json"
_FILM = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class _Value(Struct):
    values: list[str | int | float | None] = field(name="Value", default_factory=list)

    @property
    def text(self) -> str:
        return str(self.values[0]) if self.values and self.values[0] is not None else ""


class _Match(Struct):
    """What a query has found, in DICOM JSON (PS3.18 annex F)."""

    study: _Value = field(name="0020000D", default_factory=_Value)
    series: _Value = field(name="0020000E", default_factory=_Value)
    instance: _Value = field(name="00080018", default_factory=_Value)
    instances: _Value = field(name="00201208", default_factory=_Value)  # Number of Study Related Instances


class _StudySeen(Struct, array_like=True):
    """Of a study: how many instances it had, and the digests of those that were handled."""

    instances: str = ""
    handled: list[str] = field(default_factory=list)


class _Window(Struct):
    """The cursor: studies from this date on, by digest."""

    since: str
    studies: dict[str, _StudySeen] = field(default_factory=dict)


class QidoStudies:
    """Asks for studies of the last days again and again, and fetches what it has not fetched.

    Studies are found by their date, from the day before the last look on; what arrives later in an older study is
    not. A study is looked into when its number of instances has changed, or every time where the server does not say
    that.
    """

    def __init__(
        self,
        server: WebServer,
        intake: FilmIntake,
        cursors: Cursors,
        modalities: Collection[str],
        days_back: int,
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Ask nothing yet.

        Args:
            server: the root of a DICOMweb server.
            intake: takes films.
            cursors: keeps the place.
            modalities: that are fetched; empty for every one.
            days_back: of studies before the first look.
            now: the clock, in the hospital's time: studies are dated by that.
        """
        self._server, self._intake, self._cursors = server, intake, cursors
        self._modalities, self._days_back, self._now = modalities, days_back, now
        self._fetcher = InstanceFetcher(server, intake)

    def look(self, stopping: threading.Event) -> int:
        """Take every film that is new; gives how many.

        Raises:
            Unreachable: the server does not answer, or not as DICOMweb does.
            StoreError: the film or the place cannot be kept.
        """
        window, films = self._window(), 0
        today = self._now()
        studies = self._studies(window.since)
        for study, instances in studies.items():
            if stopping.is_set():
                return films
            seen = window.studies.setdefault(_digest(study), _StudySeen())
            if instances and seen.instances == instances:
                continue
            before = len(seen.handled)
            try:
                films += self._look_into(study, seen, stopping)
                if stopping.is_set():
                    return films
                seen.instances = instances
            finally:
                if len(seen.handled) > before:
                    self._move(window)
        kept = {digest: window.studies[digest] for digest in map(_digest, studies)}
        self._move(_Window(_date(today - timedelta(days=1)), kept))
        return films

    def check(self) -> None:
        """Ask whether it is there, by the studies of today.

        Raises:
            Unreachable: the server does not answer, or not as DICOMweb does.
        """
        self._studies(_date(self._now()))

    def close(self) -> None:
        """End its connections."""
        self._server.close()

    def _window(self) -> _Window:
        kept = self._cursors.cursor(self._intake.name)
        if kept:
            try:
                return msgspec.json.decode(kept, type=_Window)
            except msgspec.MsgspecError:
                log_event("source starts anew", level=logging.WARNING, source=self._intake.name, why="no such place")
        return _Window(_date(self._now() - timedelta(days=self._days_back)))

    def _move(self, window: _Window) -> None:
        self._cursors.move_cursor(self._intake.name, msgspec.json.encode(window).decode())

    def _studies(self, since: str) -> dict[str, str]:
        """Studies since a date, with their numbers of instances where the server says them."""
        found: dict[str, str] = {}
        for modality in self._modalities or ("",):
            query: dict[str, str | int] = {"StudyDate": f"{since}-", "includefield": "00201208"}
            if modality:
                query["ModalitiesInStudy"] = modality
            for match in self._matches("/studies", query, lambda match: match.study.text):
                found[match.study.text] = match.instances.text
        return found

    def _look_into(self, study: str, seen: _StudySeen, stopping: threading.Event) -> int:
        films, handled = 0, set(seen.handled)
        for modality in self._modalities or ("",):
            query: dict[str, str | int] = {"Modality": modality} if modality else {}
            for series in self._matches(f"/studies/{study}/series", query, lambda match: match.series.text):
                place = f"/studies/{study}/series/{series.series.text}/instances"
                for match in self._matches(place, {}, lambda match: match.instance.text):
                    instance = match.instance.text
                    if stopping.is_set():
                        return films
                    if _digest(instance) not in handled:
                        films += self._fetcher.fetch(instance, f"{place}/{instance}", {"Accept": _FILM})
                        handled.add(_digest(instance))
                        seen.handled.append(_digest(instance))
        return films

    def _matches(
        self, path: str, query: Mapping[str, str | int], uid_of: Callable[[_Match], str]
    ) -> Iterator[_Match]:
        """Everything that a query finds, page by page, each UID once; servers without pages give all in the first."""
        known: set[str] = set()
        for page in range(_MOST_PAGES):
            asked = {**query, "limit": _A_PAGE, "offset": page * _A_PAGE}
            answer, content = self._server.ask(path, query=asked, headers={"Accept": _JSON})
            if answer.status == 204:
                return
            matches = json_of(content, list[_Match]) if answer.status == 200 else None
            if matches is None:
                where = f"{self._server.name}: {self._server.where}"
                raise Unreachable(f"{where} does not answer queries as DICOMweb does ({answer.status})")
            new = [match for match in matches if is_uid(uid_of(match)) and uid_of(match) not in known]
            for match in new:
                if uid_of(match) not in known:
                    known.add(uid_of(match))
                    yield match
            if len(matches) < _A_PAGE or not new:
                return


def _date(day: datetime) -> str:
    return day.strftime("%Y%m%d")


def _digest(uid: str) -> str:
    return hashlib.blake2b(uid.encode(), digest_size=8).hexdigest()
