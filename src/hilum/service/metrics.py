"""What the service counts, for Prometheus: numbers alone, with no name, hash or identifier of a film or a person."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one service.

    Attributes:
        registry: holds them.
        answers: films that were answered, by model and answer.
        refused: requests that were refused, by status.
        seconds: of requests, by route.
        batch_films: films that went through a network together.
        batch_seconds: that this took.
        reading_seconds: of a film in the process that reads it, its time in the queue included.
        in_flight: requests that are being worked on.
        restarts: processes that read films and were ended by one.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter("hilum_answers", "Films answered.", ("model", "answer"), registry=self.registry)
        self.refused = Counter("hilum_refused", "Requests refused.", ("status",), registry=self.registry)
        self.seconds = Histogram(
            "hilum_request_seconds", "Time of a request.", ("route",), registry=self.registry, buckets=_SECONDS
        )
        self.batch_films = Histogram(
            "hilum_batch_films",
            "Films in a forward pass.",
            registry=self.registry,
            buckets=(1, 2, 3, 4, 5, 6, 7, 8, 16, 32),
        )
        self.batch_seconds = Histogram(
            "hilum_batch_seconds", "Time of a forward pass.", registry=self.registry, buckets=_SECONDS
        )
        self.reading_seconds = Histogram(
            "hilum_reading_seconds", "Time to read a film.", registry=self.registry, buckets=_SECONDS
        )
        self.in_flight = Gauge("hilum_requests_in_flight", "Requests that are worked on.", registry=self.registry)
        self.restarts = Gauge("hilum_reader_restarts", "Reading processes ended by a film.", registry=self.registry)

    def announce_batch(self, films: int, seconds: float) -> None:
        """Count a forward pass."""
        self.batch_films.observe(films)
        self.batch_seconds.observe(seconds)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
