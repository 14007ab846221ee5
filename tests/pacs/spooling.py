"""Films put into a spool, as what receives them does it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hilum.pacs.spool import Spool


def put(spool: Spool, content: bytes | Iterable[bytes], source: str = "") -> Path:
    """Keep a film, whole or in blocks; gives its path."""
    with spool.writing(source) as film:
        for block in (content,) if isinstance(content, bytes) else content:
            film.write(block)
        return film.keep()
