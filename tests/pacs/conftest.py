"""What every test of a node may ask for."""

from __future__ import annotations

from tests.pacs.orthanc import orthanc
from tests.pacs.peers import listening_peer, peer

__all__ = ["listening_peer", "orthanc", "peer"]
