"""The pixels of a stored film, for programs and for the page's viewer."""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from fastapi.responses import Response

from hilum.answering.reading import FilmShown
from hilum.renderings import png
from hilum.service.problems import Problem
from hilum.service.service import Service
from hilum.store import StoredPrediction

PIXELS = "application/vnd.hilum.pixels"


async def film_response(service: Service, stored: StoredPrediction, accept: str) -> Response:
    """A film as a PNG of 16 bits, or as the viewer takes it.

    Raises:
        Problem: 410 where the film is kept no longer, 406 for another form.
    """
    if PIXELS not in accept and not any(each in accept for each in ("image/png", "image/*", "*/*")):
        raise Problem(406, f"a film is given as image/png or {PIXELS}")
    async with file_of(service, stored) as path:
        shown = await service.pipeline.show(path)
    if PIXELS in accept:
        about = {
            name: getattr(shown, name)
            for name in ("height", "width", "inverted", "windows", "low", "high", "spacing")
        }
        return Response(json.dumps(about).encode() + b"\n" + shown.pixels, media_type=PIXELS)
    return Response(await asyncio.to_thread(_png, shown), media_type="image/png")


@asynccontextmanager
async def file_of(service: Service, stored: StoredPrediction) -> AsyncIterator[Path]:
    """A stored film as a file of ours, for as long as this block runs.

    Raises:
        Problem: 410 where the film is kept no longer.
    """
    content = await service.archive.call(service.store.predictions.film, stored.id)
    if content is None:
        raise Problem(410, "the film is kept no longer: its hash and the answer are what remains")
    path = service.spool / secrets.token_hex(16)
    try:
        await asyncio.to_thread(_write, path, content)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.touch(0o600, exist_ok=False)
    path.write_bytes(content)


def _png(shown: FilmShown) -> bytes:
    """A grey PNG of 16 bits with the values as they are; white is high in it, also of a film that is inverted."""
    values = np.frombuffer(zlib.decompress(shown.pixels), "<u2").reshape(shown.height, shown.width)
    if shown.inverted:
        values = (shown.high + shown.low - values.astype(np.int64)).astype(np.uint16)
    return png(values.astype(np.uint16))
