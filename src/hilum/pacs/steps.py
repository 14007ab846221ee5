"""What is done with a film, step by step; each may be done again at any time, and comes to the same.

What a step has done is in the film's row, and what is not there was not done. So a step that was killed in between is
done again from the row, and its results are the same objects to the byte.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from hilum.answering.reading import FilmHeader
from hilum.errors import FilmError, HilumError
from hilum.files import open_regular
from hilum.pacs.answerer import FilmHeat, ReadingEndedError
from hilum.pacs.checks import left_alone_after
from hilum.pacs.facts import read_facts
from hilum.pacs.folders import NodeFolders
from hilum.pacs.identity import FilmKey, ResultKind, derived_uid
from hilum.pacs.logs import log_event, without_terms
from hilum.pacs.records import AnsweredFilm, DetectorFacts
from hilum.pacs.results import Results
from hilum.pacs.settings import NodeSettings
from hilum.pacs.shown import shown_text
from hilum.store import FilmState, NewPrediction, NodeFilm, PredictionKey, SendingState, Store

USER = "pacs"  # whose the predictions of nodes are

Enqueue = Callable[[Connection, str, ResultKind, Sequence[str]], None]  # in a transaction: a film's result is sent
EnqueueCapture = Callable[[Connection, str], None]  # in a transaction: a film's capture is drawn
Route = Callable[[NodeFilm, Path], Sequence[str]]  # the names of the destinations of a film


class FilmAnswerer(Protocol):
    """What answers films: `hilum.pacs.answerer.Answerer`."""

    @property
    def facts(self) -> DetectorFacts:
        """Of the detector."""

    def answer(self, path: Path) -> tuple[AnsweredFilm, FilmHeader]:
        """Answer a film."""

    def heat(self, path: Path) -> FilmHeat:
        """Where on a film the answer comes from."""

    def close(self) -> None:
        """Answer what was taken, then end."""


class FilmSteps:
    """The steps up to where a film's results are to be sent."""

    def __init__(
        self,
        settings: NodeSettings,
        store: Store,
        folders: NodeFolders,
        answerer: FilmAnswerer,
        route: Route,
        enqueue: Enqueue,
        enqueue_capture: EnqueueCapture,
    ) -> None:
        """Take what the steps need.

        Args:
            settings: of the node.
            store: with the films' rows.
            folders: with the films' files.
            answerer: answers them.
            route: says where results go.
            enqueue: has a result sent.
            enqueue_capture: has a capture drawn.
        """
        self._settings, self._store, self._folders, self._answerer = settings, store, folders, answerer
        self._route, self._enqueue, self._enqueue_capture = route, enqueue, enqueue_capture
        self.results = Results(store, folders, answerer.facts)

    def predict(self, workflow_id: str, *, last: bool = True) -> FilmState:
        """Answer a film; a film that is to be refused without that is not read.

        Args:
            workflow_id: of the film.
            last: whether an answer is kept that circumstances made; else it is for the caller to try again.

        Returns:
            How far the film is.

        Raises:
            ReadingEndedError: the process that read the film was ended, and it was not the last time.
        """
        film = self._film(workflow_id)
        if film.answered is not None or film.state != "received":
            return film.state
        detector, path = self._answerer.facts, self._folders.file(film.file)
        id_ = self._identity(film, path)
        new, shown, why = None, "", film.why
        if not why:
            answered, header = self._answerer.answer(path)
            if answered.retry and not last:
                raise ReadingEndedError(answered.row.why)
            why, shown = left_alone_after(answered, self._settings.films), shown_text(answered)
            new = self._new_prediction(path, answered, header)
        reported = new is None or not why
        film = self._store.node_films.answer(
            workflow_id,
            new,
            seal=detector.seal,
            operating_point=detector.operating_point,
            shown=shown,
            why=why,
            report=derived_uid(id_, "report") if reported else "",
            capture=derived_uid(id_, "capture") if reported and new is not None else "",
            shadow=self._settings.node.shadow,
        )
        because = {"why": without_terms(film.why)} if film.why else {}
        log_event("answered", workflow_id, logging.INFO, state=film.state, **because)
        return film.state

    def report(self, workflow_id: str) -> FilmState:
        """Make a film's report, and enqueue its results; a film that none can be made of has failed.

        Args:
            workflow_id: of the film.

        Returns:
            How far the film is.
        """
        film = self._film(workflow_id)
        if film.state != "answered":
            return film.state
        try:
            content = self.results.make(film, "report")
        except FilmError as error:
            return self._fail(workflow_id, error.reason)
        shadow = self._settings.node.shadow
        self._folders.write(self._folders.result(workflow_id, "report", shadow=shadow), content)
        names = list(self._route(film, self._folders.file(film.file)))
        state: SendingState = "shadow" if shadow else "waiting"

        def enqueue(connection: Connection) -> None:
            if not shadow:
                self._enqueue(connection, workflow_id, "report", names)
            if film.capture:
                self._enqueue_capture(connection, workflow_id)

        self._store.node_sendings.add(workflow_id, "report", names, state, enqueue=enqueue)
        return "reported"

    def draw(self, workflow_id: str) -> None:
        """Draw a film's capture, and enqueue it.

        Args:
            workflow_id: of the film.
        """
        film = self._film(workflow_id)
        shadow = self._settings.node.shadow
        path = self._folders.result(workflow_id, "capture", shadow=shadow)
        names = [each.destination for each in self._store.node_sendings.of(workflow_id) if each.kind == "report"]
        if not film.file or film.state == "erased" or not (names or shadow):
            return
        if not path.exists():
            self._folders.write(path, self.make_capture(film))
        state: SendingState = "shadow" if shadow else "waiting"

        def enqueue(connection: Connection) -> None:
            if not shadow:
                self._enqueue(connection, workflow_id, "capture", names)

        self._store.node_sendings.add(workflow_id, "capture", names, state, enqueue=enqueue)

    def make_again(self, film: NodeFilm, kind: ResultKind) -> None:
        """Make a result whose file is gone.

        Args:
            film: whose it is.
            kind: of result.

        Raises:
            HilumError: the film's file is gone too.
        """
        if not film.file:
            raise HilumError("the film's file is gone, so that its result cannot be made again")
        content = self.results.make(film, "report") if kind == "report" else self.make_capture(film)
        self._folders.write(self._folders.result(film.workflow_id, kind), content)

    def make_capture(self, film: NodeFilm) -> bytes:
        """A film's capture, also of one that cannot be read."""
        try:
            heat = self._answerer.heat(self._folders.file(film.file))
        except FilmError:
            heat = None
        return self.results.make(film, "capture", heat)

    def _film(self, workflow_id: str) -> NodeFilm:
        film = self._store.node_films.get(workflow_id)
        if film is None:
            raise HilumError("the film has no row any more; it was removed from the store")
        return film

    def _identity(self, film: NodeFilm, path: Path) -> str:
        """The workflow's id that the film would have if it came now, with the detector that answers it.

        It is another one than its own where the detector was changed while it waited.
        """
        detector = self._answerer.facts
        if (film.seal, film.operating_point) == (detector.seal, detector.operating_point):
            return film.workflow_id
        key = FilmKey(read_facts(path).instance, film.pixels, detector.seal, detector.operating_point)
        return key.workflow_id

    def _new_prediction(self, path: Path, answered: AnsweredFilm, header: FilmHeader) -> NewPrediction:
        detector, kept = self._answerer.facts, self._settings.keep.store_films_hours
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return NewPrediction(
            key=PredictionKey(USER, digest, detector.seal, detector.operating_point),
            row=answered.row,
            classes=detector.classes,
            threshold=detector.threshold,
            model=detector.name,
            patient=self._store.pseudonym("patient", header.patient),
            study=self._store.pseudonym("study", header.study),
            film_bytes=path.stat().st_size,
            film=path.read_bytes() if kept > 0 else None,
            keep_until=datetime.now(UTC) + timedelta(hours=kept) if kept > 0 else None,
            retry=answered.retry,
        )

    def _fail(self, workflow_id: str, why: str) -> FilmState:
        self._store.node_films.change(workflow_id, "failed", why)
        log_event("failed", workflow_id, level=logging.WARNING, why=without_terms(why))
        return "failed"
