"""What every test of a node may ask for."""

from __future__ import annotations

from tests.pacs.orthanc import orthanc

__all__ = ["orthanc"]
