"""What a request may bring, and a film that has arrived."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hilum.pixels.bounds import MAX_FILE_BYTES

ADDRESSES = ("/v1/predictions", "/films")  # that films are sent to
PART = "film"  # the name of a film's part in multipart/form-data
# What OpenAPI says of a body with films.
FILMS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [PART],
                    "properties": {
                        PART: {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
                    },
                }
            },
            "application/dicom": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_SMALL = 256 << 10  # bytes that are read again, just after they were written, in less time than a thread takes


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a request may bring.

    Attributes:
        films: how many.
        film_bytes: of one film.
        bytes: of all of them.
        idle_seconds: that may pass before the next bytes come.
        seconds: until all have come.
        rate: bytes a second that have to come on average, once `idle_seconds` are over.
    """

    films: int = 100
    film_bytes: int = MAX_FILE_BYTES
    bytes: int = 1 << 30
    idle_seconds: float = 20.0
    seconds: float = 300.0
    rate: int = 4 << 10


@dataclass(frozen=True, slots=True)
class Upload:
    """A film that has arrived.

    Attributes:
        path: a file with a name of ours; whoever takes the film moves it, else it is removed.
        sha256: of its bytes.
        bytes: how many.
    """

    path: Path
    sha256: str
    bytes: int

    def discard(self) -> None:
        """Remove the file, where nobody has taken it."""
        with suppress(OSError):
            self.path.unlink()


async def content_of(upload: Upload) -> bytes:
    """A film's bytes."""
    if upload.bytes <= _SMALL:
        return upload.path.read_bytes()
    return await asyncio.to_thread(upload.path.read_bytes)
