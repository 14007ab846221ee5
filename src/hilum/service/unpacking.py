"""Archives of films among what a request brings: each film of theirs takes the archive's place."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

from hilum.answering.reading import FilmRefused
from hilum.service.pipeline import Pipeline
from hilum.service.problems import Problem
from hilum.service.uploads import Upload, UploadLimits

_START = b"PK\x03\x04"  # of ZIP, and so of numpy's archives


async def unpack(uploads: Sequence[Upload], pipeline: Pipeline, spool: Path, limits: UploadLimits) -> list[Upload]:
    """Put the films of archives into files of their own; an archive that cannot be read stays what it is.

    Args:
        uploads: what has arrived; the caller removes these files.
        pipeline: reads the archives, in its processes.
        spool: where the films go.
        limits: for the request.

    Raises:
        Problem: with them the request has too many films, or its only file is an archive that cannot be read.
    """
    films: list[Upload] = []
    try:
        for upload in uploads:
            if not await asyncio.to_thread(_is_archive, upload.path):
                films.append(upload)
                continue
            reply = await pipeline.unpack(upload.path, limits.films - len(films))
            if isinstance(reply, FilmRefused):
                if len(uploads) == 1:
                    raise Problem(422, f"the archive could not be read: {reply.reason}")
                films.append(upload)
                continue
            if reply.number > limits.films - len(films):
                raise Problem(
                    413, f"a request has at most {limits.films:,} films, and an archive of this one has "
                    f"{reply.number:,}; send them in several",
                )  # fmt: skip
            for content in reply.films:
                films.append(await asyncio.to_thread(_put, spool / secrets.token_hex(16), content))
    except BaseException:
        for each in films:
            each.discard()
        raise
    return films


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_START)) == _START


def _put(path: Path, content: bytes) -> Upload:
    path.touch(0o600, exist_ok=False)
    path.write_bytes(content)
    return Upload(path, hashlib.sha256(content).hexdigest(), len(content))
