"""A node: all its parts put together, started and stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from hilum.pacs.alarms import alarm_of
from hilum.pacs.answerer import Answerer
from hilum.pacs.backing_off import StoppableClock
from hilum.pacs.certificates import shown_certificates
from hilum.pacs.dispatch import Dispatch
from hilum.pacs.durable import Durable
from hilum.pacs.enqueuing import CAPTURES, FILMS, Enqueuing, sending_queue
from hilum.pacs.facts import read_facts
from hilum.pacs.folders import NodeFolders
from hilum.pacs.logs import log_event
from hilum.pacs.mending import enqueue_missing
from hilum.pacs.metrics import MetricsServer, NodeMetrics
from hilum.pacs.queue import FilmQueue
from hilum.pacs.receiver import DicomReceiver
from hilum.pacs.records import FilmFacts
from hilum.pacs.retention import FolderRetention
from hilum.pacs.senders.outcomes import Sender
from hilum.pacs.senders.routing import ask_the_film, destinations_of
from hilum.pacs.senders.sending import open_sender
from hilum.pacs.settings import Destination, NodeSettings
from hilum.pacs.sources.following import SourceFollower
from hilum.pacs.sources.opening import open_source
from hilum.pacs.steps import FilmAnswerer, FilmSteps
from hilum.pacs.sweeper import BEAT_SECONDS, Heart
from hilum.pacs.workflows import NodeWork, assign
from hilum.store import NodeFilm, NodeSending, Store, open_store

_FILMS_AT_A_TIME = 32  # in workflows: they are read in processes and predicted in batches
_SENT_A_LOOK = 8  # results, by each connection to a destination, between two looks into its queue
_STOPPING_SECONDS = 8  # that what has begun may take before it is left for the next start


def open_answerer(settings: NodeSettings) -> Answerer:
    """The detector that a node's settings name."""
    node = settings.node
    return Answerer(node.bundle, node.workers, trusted=node.trusted or None)


class Node:
    """A node of a hospital's network, in this process; there can be one at a time.

    Attributes:
        settings: how it is set up.
        metrics: what it counts.
        store: with everything that it knows.
        folders: with its files.
        queue: takes films in: `queue.accept`.
        port: that it receives on; 0 where it does not.
    """

    def __init__(
        self,
        settings: NodeSettings,
        open_answerer: Callable[[NodeSettings], FilmAnswerer] = open_answerer,
        open_destination: Callable[[Destination], Sender] = open_sender,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        """Take the settings; nothing is opened yet.

        Args:
            settings: as `hilum.pacs.settings_file.read_settings` gives them.
            open_answerer: opens what answers films.
            open_destination: opens a destination.
            beat_seconds: between two heartbeats.
        """
        self.settings, self._open_answerer, self._open_destination = settings, open_answerer, open_destination
        self._beat_seconds = beat_seconds
        self._closing = ExitStack()
        self._clock = StoppableClock()
        self.port = 0
        self.store: Store
        self.folders: NodeFolders
        self.metrics: NodeMetrics
        self.queue: FilmQueue

    def start(self) -> None:
        """Open everything, go on with what was begun, sweep up, then take films in.

        Raises:
            HilumError: something cannot be opened; nothing runs then.
        """
        with ExitStack() as opened:
            self._open(opened)
            self._closing = opened.pop_all()
        log_event("started")

    def stop(self) -> None:
        """Take no further films, finish what has begun or leave it for the next start, then close everything."""
        log_event("stopping")
        self._closing.close()
        log_event("stopped")

    def send_again(self) -> int:
        """Have results sent once more that were refused for good; gives how many."""

        def enqueue(connection: Connection, found: Sequence[NodeSending]) -> None:
            for each in found:
                self._enqueuing.again(connection, each)

        return len(self.store.node_sendings.again(enqueue))

    def _open(self, opened: ExitStack) -> None:
        settings, node = self.settings, self.settings.node
        self.folders = folders = NodeFolders(Path(node.folder))
        self.store = store = opened.enter_context(open_store(node.store))
        opened.enter_context(folders.held(node.name, store.database))
        self.metrics = NodeMetrics(store)
        certificates = shown_certificates(settings)
        self.metrics.watch_certificates(certificates)
        for why in filter(None, (each.trouble(datetime.now(UTC)) for each in certificates)):
            log_event("certificate", level=logging.WARNING, why=why)
        if settings.metrics.port:
            opened.callback(MetricsServer(self.metrics, settings.metrics.host, settings.metrics.port).close)
        answerer = self._open_answerer(settings)
        opened.callback(answerer.close)
        senders = {} if node.shadow else {each.name: self._open_destination(each) for each in settings.destinations}
        for sender in senders.values():
            opened.callback(sender.close)
        durable = Durable(store.database, node.name)
        self._enqueuing = enqueuing = Enqueuing(durable.client)
        steps = FilmSteps(settings, store, folders, answerer, self._route, enqueuing.result, enqueuing.capture)
        dispatch = Dispatch(store, folders, senders, self._clock, steps.make_again, enqueuing.again)
        self.queue = FilmQueue(settings, store, folders, answerer.facts, enqueuing.film)
        assign(NodeWork(steps, dispatch, self._clock, store, self.metrics))
        opened.callback(assign, None)
        opened.callback(durable.close, _STOPPING_SECONDS)
        opened.callback(self._clock.stop)
        durable.start(self._queues())
        accept, cursors = self.queue.accept, store.node_state
        sources = [open_source(each, settings, folders.films, accept, cursors) for each in settings.sources]
        self.metrics.watch_sources(lambda: [follower.state for follower in sources])
        heart = Heart(
            store,
            node.name,
            lambda: self._alarm(sources),
            durable.take_over,
            durable.pick_up,
            self._beat_seconds,
        )
        opened.callback(heart.close)
        retention = FolderRetention(settings.keep, store, folders, durable.forget)
        opened.callback(retention.close)
        if missing := enqueue_missing(store, durable, enqueuing):
            log_event("enqueued again", level=logging.WARNING, workflows=missing)
        self.queue.sweep()
        if not node.shadow:
            self.send_again()
        if settings.receive is not None:
            receiver = DicomReceiver(settings.receive, folders.films, self.queue.accept)
            self.port = receiver.start()
            self.metrics.watch_receiver(lambda: receiver.figures)
            opened.callback(receiver.stop)
        for follower in sources:
            opened.callback(follower.stop)
            follower.start()

    def _queues(self) -> dict[str, tuple[int, float]]:
        """The queues, each with how many workflows are done at a time, and the seconds between two looks."""
        sends_to = () if self.settings.node.shadow else self.settings.destinations
        # The sender itself waits for one of its connections; a queue of as many would stand idle between two looks.
        sending = {sending_queue(each.name): (_SENT_A_LOOK * each.connections, 0.1) for each in sends_to}
        return {FILMS: (_FILMS_AT_A_TIME, 0.1), CAPTURES: (2, 0.25), **sending}

    def _alarm(self, sources: Sequence[SourceFollower]) -> str:
        states = [follower.state for follower in sources]
        return alarm_of(self.store.node_films.backlog(), states, self.settings.alarm, datetime.now(UTC))

    def _route(self, film: NodeFilm, path: Path) -> Sequence[str]:
        """The names of the destinations of a film's results."""
        settings = self.settings
        facts = read_facts(path) if ask_the_film(settings.routes) else FilmFacts()
        return [each.name for each in destinations_of(settings.routes, settings.destinations, facts, film.source)]
