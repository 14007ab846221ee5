"""Films into the queue: each is noted and enqueued before its sender is told that it was taken."""

from __future__ import annotations

import logging

from hilum.errors import FilmError
from hilum.pacs.checks import sort_out
from hilum.pacs.folders import NodeFolders
from hilum.pacs.identity import FilmKey
from hilum.pacs.logs import log_event, without_terms
from hilum.pacs.records import Arrival, DetectorFacts
from hilum.pacs.settings import NodeSettings
from hilum.store import UNFINISHED, NewNodeFilm, ReceivedFilm, Store
from hilum.store.node_films import Enqueue


class FilmQueue:
    """Takes films in, from receivers and sources."""

    def __init__(
        self,
        settings: NodeSettings,
        store: Store,
        folders: NodeFolders,
        detector: DetectorFacts,
        enqueue: Enqueue,
    ) -> None:
        """Take what it needs.

        Args:
            settings: of the node.
            store: with the films' rows.
            folders: with the films' files.
            detector: that answers at present.
            enqueue: puts a film's workflow into its queue, in the transaction of its row.
        """
        self._settings, self._store, self._folders = settings, store, folders
        self._detector, self._enqueue = detector, enqueue

    def accept(self, arrival: Arrival) -> None:
        """Take a film in: once this returns, it is answered whatever happens to this process.

        Args:
            arrival: of which the file is this queue's from now on.

        Raises:
            StoreError: the database does not answer or is full. The film was not taken; its file is still there.
        """
        facts, named = arrival.facts, self._folders.named(arrival.path)
        state, why = sort_out(facts, self._settings.films)
        if state == "left alone" and self._settings.films.report_others:
            state = "received"
        key = FilmKey(facts.instance, facts.pixels, self._detector.seal, self._detector.operating_point)
        new = NewNodeFilm(
            workflow_id=key.workflow_id,
            instance=self._store.pseudonym("film", facts.instance),
            study=self._store.pseudonym("study", facts.study),
            pixels=facts.pixels,
            seal=key.seal,
            operating_point=key.operating_point,
            node=self._settings.node.name,
            source=arrival.source,
            file=named if state == "received" else "",
            state=state,
            why=why,
        )
        self._tidy(arrival, self._store.node_films.receive(new, self._enqueue))

    def sweep(self) -> int:
        """Take in films of the spool that have no row, as a killed process leaves them; gives how many."""
        paths = {self._folders.named(path): path for path in self._folders.films.sweep()}
        unknown = self._store.node_films.unknown_files(paths)
        for named in sorted(unknown):
            try:
                arrival = self._folders.films.arrival(paths[named])
            except FilmError:  # nobody was told that it was taken
                self._folders.set_apart(paths[named])
                continue
            except FileNotFoundError:  # another node has taken it meanwhile
                continue
            self.accept(arrival)
        for film in self._store.node_films.latest(1000, ["quarantined"]):
            if film.file.startswith("films/"):
                self._set_apart(film.workflow_id, film.file)
        return len(unknown)

    def _tidy(self, arrival: Arrival, received: ReceivedFilm) -> None:
        """Have the film's file where its row says that it is, and no second one."""
        film, named = received.film, self._folders.named(arrival.path)
        if not received.is_new:
            lost = film.state in UNFINISHED and not self._folders.file(film.file).exists()
            if lost:
                self._store.node_films.move_file(film.workflow_id, named)
            elif film.file != named:
                self._folders.films.remove(arrival.path)
            log_event("received again", film.workflow_id, state=film.state)
            return
        why = {"why": without_terms(film.why)} if film.why else {}
        log_event("received", film.workflow_id, state=film.state, level=_level(film.state), **why)
        if received.replaced and received.replaced != film.file:  # else the next start would take it for a new one
            self._folders.films.remove(self._folders.file(received.replaced))
        if film.state == "quarantined":
            self._set_apart(film.workflow_id, named)
        elif film.state != "received":
            self._folders.films.remove(arrival.path)

    def _set_apart(self, workflow_id: str, named: str) -> None:
        there = self._folders.set_apart(self._folders.file(named))
        self._store.node_films.move_file(workflow_id, self._folders.named(there))


def _level(state: str) -> int:
    return logging.WARNING if state == "quarantined" else logging.INFO
