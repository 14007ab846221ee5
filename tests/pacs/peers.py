"""A receiver that is not ours: pynetdicom's, which keeps what it is sent and answers as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.pacs.films import DX, SYNTAXES
from tests.pacs.wire import VERIFICATION


@dataclass
class Peer:
    """The receiver.

    Attributes:
        port: that it listens on.
        statuses: that it answers with, one after another and again from the first.
        got: SOP Instance UIDs and data sets as they came.
    """

    port: int = 0
    statuses: tuple[int, ...] = (0,)
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def keep(self, event: Any) -> int:
        """What pynetdicom calls for each object."""
        self.got.append((str(event.request.AffectedSOPInstanceUID), event.request.DataSet.getvalue()))
        return self.statuses[(len(self.got) - 1) % len(self.statuses)]


@pytest.fixture(scope="session")
def listening_peer() -> Iterator[Peer]:
    """One receiver for all tests; ask for `peer`."""
    from pynetdicom import AE, evt

    entity, peer = AE("HILUM"), Peer()
    entity.add_supported_context(VERIFICATION)
    entity.add_supported_context(DX, list(SYNTAXES))
    server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, peer.keep)])
    peer.port = server.socket.getsockname()[1]
    yield peer
    server.shutdown()


@pytest.fixture
def peer(listening_peer: Peer) -> Peer:
    """The receiver, which has got nothing yet and accepts everything."""
    listening_peer.got.clear()
    listening_peer.statuses = (0,)
    return listening_peer
