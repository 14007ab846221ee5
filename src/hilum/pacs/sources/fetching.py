"""An instance fetched from a server over HTTP and taken, whichever way it was found."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from hilum.pacs.logs import log_event
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.sources.multipart import first_part
from hilum.pacs.sources.taking import FilmIntake, LeftAlone
from hilum.pacs.web import WebServer

_GONE = (404, 410)  # it was deleted meanwhile
_TRIES = 3  # of an instance that the server has and does not give


class InstanceFetcher:
    """Fetches instances, and asks again for one that is not given, by a few looks."""

    def __init__(self, server: WebServer, intake: FilmIntake) -> None:
        """Fetch nothing yet.

        Args:
            server: which has them.
            intake: takes films.
        """
        self._server, self._intake = server, intake
        self._failures: dict[str, int] = {}

    def fetch(self, instance: str, path: str, headers: Mapping[str, str] | None = None) -> int:
        """Fetch an instance and take it; gives 1 where a film was taken, else 0.

        Args:
            instance: its name, for counting how often it was not given.
            path: of the instance on the server.
            headers: of the request.

        Raises:
            Unreachable: the server does not answer, or does not give it and is to be asked again by another look.
            StoreError: the film cannot be kept.
        """
        try:
            with self._server.opened(path, headers=headers or {}) as answer:
                if answer.status in _GONE:
                    return 0
                if answer.status != 200:
                    return self._not_given(instance, answer.status)
                blocks = answer.blocks
                if answer.kind.startswith("multipart/"):
                    blocks = first_part(blocks, answer.boundary, f"{self._server.name}: {self._server.where}")
                self._intake.take(blocks)
        except LeftAlone as error:
            log_event("left alone", level=logging.WARNING, source=self._intake.name, why=str(error))
            return 0
        self._failures.pop(instance, None)
        return 1

    def _not_given(self, instance: str, status: int) -> int:
        """Have it asked for by another look, a few times; then it is named and left."""
        tries = self._failures[instance] = self._failures.get(instance, 0) + 1
        if tries < _TRIES:
            raise Unreachable(f"{self._server.name}: {self._server.where} does not give an instance ({status})")
        del self._failures[instance]
        log_event("left alone", level=logging.ERROR, source=self._intake.name, why=f"not given ({status})")
        return 0
