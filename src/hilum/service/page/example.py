"""The example: a drawing that looks like a chest film and is nobody's."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache
from hashlib import sha256

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hilum.records import NOT_JUDGED
from hilum.service.page.render import redirect, require_reader
from hilum.service.uploads import Upload
from hilum.store import StoredPrediction

router = APIRouter()

_SEED = 4
_SIZE = (768, 768)
_OPACITY = 0.8


@router.post("/example")
async def example(request: Request) -> Response:
    """Answer the drawing."""
    service, caller = await require_reader(request, "predict")
    content = await asyncio.to_thread(_drawing)
    path = service.spool / secrets.token_hex(16)
    await asyncio.to_thread(path.write_bytes, content)
    upload = Upload(path, sha256(content).hexdigest(), len(content))
    async with service.pipeline.admitted():
        answered = await service.answer_uploads([upload], caller, 0, None)
    return redirect(f"/films/{answered[0].stored.id}")


async def example_note(stored: StoredPrediction) -> str:
    """What to say of an answer to the drawing; empty for any other film."""
    content = await asyncio.to_thread(_drawing)
    if stored.key.film_sha256 != sha256(content).hexdigest():
        return ""
    if stored.row.answer == NOT_JUDGED:
        return (
            "This is the example, a drawing by a program and nobody's film. So it is right not to judge it: a "
            "detector that answered for it would answer for anything. Window, zoom and ruler work on it all the same."
        )
    return "This is the example, a drawing by a program and nobody's film: what is said of it is said of no patient."


@cache
def _drawing() -> bytes:
    """12 bits deep, as a PNG of 16."""
    import numpy as np

    from hilum.pixels import chest_phantom
    from hilum.renderings import png

    return png(np.rint(chest_phantom(_SEED, _SIZE, _OPACITY) * 4095).astype(np.uint16))
