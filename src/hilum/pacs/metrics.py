"""What a node counts, for Prometheus: numbers, by names that the settings hold and by our own words, nothing else."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Histogram, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hilum.errors import RequestError, StoreError
from hilum.pacs.certificates import ShownCertificate
from hilum.pacs.logs import without_terms
from hilum.pacs.receiver import ReceiverFigures
from hilum.pacs.sources.following import SourceState
from hilum.store import FILM_STATES, Store

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REASONS = 50


class NodeMetrics:
    """The counters of one node, and what its store says when it is asked.

    Attributes:
        registry: holds them.
        step_seconds: of one film in one step, by step.
    """

    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.step_seconds = Histogram(
            "hilum_node_step_seconds", "Time of a step.", ("step",), registry=self.registry, buckets=_SECONDS
        )
        self.registry.register(_StoreFigures(store))

    def watch_receiver(self, figures: Callable[[], ReceiverFigures]) -> None:
        """Give what a receiver counts, too.

        Args:
            figures: asks it.
        """
        self.registry.register(_ReceiverCounts(figures))

    def watch_sources(self, states: Callable[[], Sequence[SourceState]]) -> None:
        """Give how sources are doing, too.

        Args:
            states: asks them.
        """
        self.registry.register(_SourceStates(states))

    def watch_certificates(self, certificates: Sequence[ShownCertificate]) -> None:
        """Give for how long the node's own certificates are valid, too.

        Args:
            certificates: of the node.
        """
        self.registry.register(_CertificateEnds(certificates))

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
                f"{host}:{port}: cannot listen there ({os.strerror(error.errno or 0)}); name another metrics.host or "
                "metrics.port"
            ) from None
        self._server, self._thread = started
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _ReceiverCounts(Collector):
    """What a receiver has counted since it was started."""

    def __init__(self, figures: Callable[[], ReceiverFigures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        now = self._figures()
        yield GaugeMetricFamily("hilum_node_associations", "Associations that are open.", now.associations)
        yield GaugeMetricFamily("hilum_node_connections", "Connections that are open.", now.connections)
        stored = CounterMetricFamily("hilum_node_stored", "Replies to C-STORE.", labels=("status",))
        for status, count in now.statuses.items():
            stored.add_metric((status,), count)
        yield stored
        refused = CounterMetricFamily("hilum_node_connections_refused", "Not let in, or ended.", labels=("reason",))
        for reason, count in now.turned_away.items():
            refused.add_metric((reason,), count)
        refused.add_metric(("room",), now.evicted)
        yield refused
        rejected = CounterMetricFamily("hilum_node_associations_rejected", "Not made.", labels=("reason",))
        for reason, count in now.rejected.items():
            rejected.add_metric((reason,), count)
        yield rejected


class _SourceStates(Collector):
    """How the sources of a node are doing."""

    def __init__(self, states: Callable[[], Sequence[SourceState]]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("hilum_node_source_up", "Whether a source answers.", labels=("source",))
        films = CounterMetricFamily("hilum_node_source_films", "Films that a source gave.", labels=("source",))
        for state in self._states():
            up.add_metric((state.name,), float(state.failing_since is None))
            films.add_metric((state.name,), state.films)
        yield up
        yield films


class _CertificateEnds(Collector):
    """For how long certificates are valid."""

    def __init__(self, certificates: Sequence[ShownCertificate]) -> None:
        self._certificates = certificates

    def collect(self) -> Iterator[Metric]:
        ends = GaugeMetricFamily(
            "hilum_node_certificate_seconds", "Until it expires; below 0 since then.", labels=("where",)
        )
        for each in self._certificates:
            ends.add_metric((each.where,), (each.ends - datetime.now(UTC)).total_seconds())
        yield ends


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
        reasons: Counter[tuple[str, str]] = Counter()
        for reason in self._store.node_films.reasons(_REASONS):
            reasons[reason.state, without_terms(reason.why)] += reason.films
        without = GaugeMetricFamily(
            "hilum_node_films_without_report", "Why some films have none.", labels=("state", "reason")
        )
        for labels, count in reasons.items():
            without.add_metric(labels, count)
        yield without
        undrawn: Counter[str] = Counter()
        for why, count in self._store.node_films.undrawn(_REASONS).items():
            undrawn[without_terms(why)] += count
        captures = GaugeMetricFamily(
            "hilum_node_films_without_capture", "Why some pictures could not be drawn.", labels=("reason",)
        )
        for why, count in undrawn.items():
            captures.add_metric((why,), count)
        yield captures
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
        alarm = GaugeMetricFamily("hilum_node_alarm", "Whether people should look at it.", labels=("node",))
        for beat in self._store.node_state.heartbeats():
            alive.add_metric((beat.node,), max((now - beat.changed).total_seconds(), 0.0))
            alarm.add_metric((beat.node,), float(bool(beat.alarm)))
        yield alive
        yield alarm
