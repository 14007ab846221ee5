"""How long the certificates last that a node shows: one that is over keeps everybody out, and nobody is told why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates
from msgspec import Struct

from hilum.pacs.settings import NodeSettings, Tls

_SOON = timedelta(days=30)


class ShownCertificate(Struct, frozen=True):
    """A certificate of the node's own.

    Attributes:
        where: `receive`, or the name of a destination.
        begins: from when on it is valid, in UTC.
        ends: until when.
    """

    where: str
    begins: datetime
    ends: datetime

    def trouble(self, now: datetime) -> str:
        """What is wrong with it at a time, or will be within 30 days; empty where nothing is."""
        if now < self.begins:
            return f"{self.where}: our certificate is not valid before {_day(self.begins)}; is the clock right?"
        if now >= self.ends:
            return f"{self.where}: our certificate has expired on {_day(self.ends)}; put a new one in its place"
        if self.ends - now < _SOON:
            return f"{self.where}: our certificate expires on {_day(self.ends)}; put a new one in its place before"
        return ""


def shown_certificates(settings: NodeSettings) -> tuple[ShownCertificate, ...]:
    """The certificates that a node shows to callers and destinations.

    Args:
        settings: as `read_settings` gives them, which has seen that each can be read.
    """
    return tuple(_read(where, tls) for where, tls in _places(settings))


def _places(settings: NodeSettings) -> Iterator[tuple[str, Tls]]:
    if settings.receive is not None and settings.receive.tls is not None:
        yield "receive", settings.receive.tls
    for each in settings.destinations:
        if each.tls is not None:
            yield each.name, each.tls


def _read(where: str, tls: Tls) -> ShownCertificate:
    own = load_pem_x509_certificates(Path(tls.certificate).read_bytes())[0]  # whose authorities may follow it
    return ShownCertificate(where, own.not_valid_before_utc, own.not_valid_after_utc)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
