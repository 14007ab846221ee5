"""Files of the node's folder that nothing needs any more: they go after the time that the settings say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hilum.errors import StoreError
from hilum.pacs.folders import NodeFolders
from hilum.pacs.identity import RESULT_KINDS
from hilum.pacs.logs import log_event
from hilum.pacs.settings import Keep
from hilum.store import UNFINISHED, FilmState, Store

_LOOK_SECONDS = 60.0
_WORKFLOWS_STAY = timedelta(days=1)  # after they are done, for whoever looks into the database


class FolderRetention:
    """A thread that removes what nothing needs any more.

    A film's file goes once each of its results was sent, or was refused for good a long time ago; never before.
    """

    def __init__(
        self,
        keep: Keep,
        store: Store,
        folders: NodeFolders,
        forget: Callable[[datetime], int],
        seconds: float = _LOOK_SECONDS,
    ) -> None:
        """Start the thread.

        Args:
            keep: for how long what stays.
            store: with the films' rows.
            folders: with the files.
            forget: removes workflows that were done before a time.
            seconds: between two looks.
        """
        self._keep, self._store, self._folders, self._seconds = keep, store, folders, seconds
        self._forget = forget
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hilum-retention", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def clean(self, now: datetime | None = None) -> int:
        """Remove what is over; gives how many files.

        Args:
            now: the time; None is the present.

        Raises:
            StoreError: the database does not answer.
        """
        now = now or datetime.now(UTC)
        gone = self._remove_erased()
        gone += sum(self._remove_films(state, now - timedelta(hours=hours)) for state, hours in self._hours().items())
        for folder in (self._folders.results, self._folders.shadow):
            gone += self._remove_results(folder, now.timestamp() - 3600 * self._keep.results_hours)
        self._store.retention.expire_films(now)
        self._forget(now - _WORKFLOWS_STAY)
        return gone

    def _hours(self) -> dict[FilmState, float]:
        """How long films of each state stay; others are still needed."""
        films, to_be_looked_at = self._keep.films_hours, 24 * self._keep.quarantine_days
        return {
            "sent": films,
            "shadow": films,
            "refused": to_be_looked_at,
            "failed": to_be_looked_at,
            "quarantined": to_be_looked_at,
            "left alone": 0.0,
        }

    def _remove_films(self, state: FilmState, before: datetime) -> int:
        films = self._store.node_films.with_file(state, before)
        for film in films:
            self._folders.file(film.file).unlink(missing_ok=True)
            self._store.node_films.move_file(film.workflow_id, "")
        return len(films)

    def _remove_erased(self) -> int:
        films = self._store.node_films.latest(1000, ["erased"])
        for film in films:
            if film.file:
                self._folders.file(film.file).unlink(missing_ok=True)
            for kind in RESULT_KINDS:
                for shadow in (False, True):
                    self._folders.result(film.workflow_id, kind, shadow=shadow).unlink(missing_ok=True)
            self._store.node_films.forget(film.workflow_id)
        return len(films)

    def _remove_results(self, folder: Path, before: float) -> int:
        """Remove results that are settled, and what a killed process has left half written."""
        gone = 0
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # another node has removed it meanwhile
                if path.stat().st_mtime > before or self._is_needed(path):
                    continue
                path.unlink()
                gone += 1
        return gone

    def _is_needed(self, path: Path) -> bool:
        workflow_id = path.name[:64]
        film = self._store.node_films.get(workflow_id)
        if film is not None and film.state in UNFINISHED:
            return True
        return any(each.state == "waiting" for each in self._store.node_sendings.of(workflow_id))

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self.clean()
            except (StoreError, OSError) as error:
                log_event("nothing removed", level=logging.WARNING, error=type(error).__name__)
