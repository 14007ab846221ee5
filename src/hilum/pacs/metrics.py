"""What a node counts, for Prometheus: numbers, by names that the settings hold and by our own words, nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hilum.errors import RequestError, StoreError
from hilum.store import FILM_STATES, Store

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class NodeMetrics:
    """The counters of one node, and what its store says when it is asked.

    Attributes:
        registry: holds them.
        step_seconds: of one film in one step, by step.
        associations: that are open.
        opened: associations that were let in.
        refused: connections and associations that were not let in or were ended, by reason.
        repeated: films that were sent once more.
    """

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.step_seconds = Histogram(
            "hilum_node_step_seconds", "Time of a step.", ("step",), registry=self.registry, buckets=_SECONDS
        )
        self.associations = Gauge("hilum_node_associations", "Associations that are open.", registry=self.registry)
        self.opened = Counter("hilum_node_associations_opened", "Associations let in.", registry=self.registry)
        self.refused = Counter(
            "hilum_node_connections_refused", "Not let in, or ended.", ("reason",), registry=self.registry
        )
        self.repeated = Counter("hilum_node_films_repeated", "Films sent once more.", registry=self.registry)
        self.registry.register(_StoreFigures(store))

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Time a step that succeeds or fails."""
        began = perf_counter()
        try:
            yield
        finally:
            self.step_seconds.labels(step).observe(perf_counter() - began)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


class MetricsServer:
    """Gives a node's counters to Prometheus, over HTTP.

    Attributes:
        port: that it listens on.
    """

    def __init__(self, metrics: NodeMetrics, host: str, port: int) -> None:
        """Listen.

        Raises:
            RequestError: the address is not free.
        """
        try:
            started: tuple[WSGIServer, threading.Thread] = start_http_server(port, host, metrics.registry)
        except OSError as error:
            raise RequestError(
                f"{host}:{port}: cannot listen there ({error.strerror or error}); name another metrics.host or "
                "metrics.port"
            ) from None
        self._server, self._thread = started
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _StoreFigures(Collector):
    """Figures that several nodes on a store share, read when they are asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("hilum_node_store_up", "Whether the database answers.")
        try:
            found = list(self._of_store())
        except StoreError:
            up.add_metric((), 0)
            yield up
            return
        up.add_metric((), 1)
        yield up
        yield from found

    def _of_store(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        films, counts = (
            GaugeMetricFamily("hilum_node_films", "Films.", labels=("state",)),
            self._store.node_films.counts(),
        )
        for state in FILM_STATES:
            films.add_metric((state,), counts.get(state, 0))
        yield films
        backlog = self._store.node_films.backlog()
        yield GaugeMetricFamily("hilum_node_backlog_films", "Films that wait for an answer.", backlog.films)
        age = (now - backlog.oldest).total_seconds() if backlog.oldest else 0.0
        yield GaugeMetricFamily("hilum_node_backlog_seconds", "How long the oldest has waited.", max(age, 0.0))
        results = GaugeMetricFamily("hilum_node_results", "Results.", labels=("destination", "state"))
        for (destination, sending), count in self._store.node_sendings.counts().items():
            results.add_metric((destination, sending), count)
        yield results
        reached = GaugeMetricFamily(
            "hilum_node_destination_up", "Whether it can be reached.", labels=("destination",)
        )
        for each in self._store.node_sendings.destinations():
            reached.add_metric((each.name,), float(each.down_since is None))
        yield reached
        alive = GaugeMetricFamily("hilum_node_heartbeat_seconds", "Since its last heartbeat.", labels=("node",))
        alarm = GaugeMetricFamily("hilum_node_alarm", "Whether its backlog is too long.", labels=("node",))
        for beat in self._store.node_state.heartbeats():
            alive.add_metric((beat.node,), max((now - beat.changed).total_seconds(), 0.0))
            alarm.add_metric((beat.node,), float(bool(beat.alarm)))
        yield alive
        yield alarm
