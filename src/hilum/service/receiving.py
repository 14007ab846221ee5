"""The films of a request, written to files of our own as they arrive: limits are kept before anything is decoded."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from hilum.service.problems import Problem
from hilum.service.receivers import OneFilm, Parts, Receiver
from hilum.service.uploads import PART, Upload, UploadLimits

logger = logging.getLogger("hilum")

_BODY_OVERHEAD = 64 << 10  # of a multipart body, for each film
_SINGLE = ("application/dicom", "application/octet-stream", "image/")  # a body that is one film


async def receive_films(request: Request, spool: Path, limits: UploadLimits) -> list[Upload]:
    """Write a request's films into a folder.

    Args:
        request: `multipart/form-data` with parts `film`, or one film as the body.
        spool: the folder, which nobody else reads.
        limits: for the request.

    Raises:
        Problem: it has no films, too many, or a content of another kind; it is too large, ends early or comes too
            slowly; or the disk is full. Nothing is left in the folder.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "the body is compressed; send it as it is, without a content encoding")
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    content_type = kind.decode("latin-1").lower()
    if content_type == "multipart/form-data":
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 70:
            raise Problem(400, "the multipart body names no boundary of 1 to 70 bytes in its content type")
        receiver: Receiver = Parts(spool, limits, boundary)
    elif content_type.startswith(_SINGLE):
        receiver = OneFilm(spool, limits)
    else:
        raise Problem(
            415,
            f"send films as multipart/form-data with parts called '{PART}', or one film as application/dicom, "
            "application/octet-stream or image/…",
        )
    _refuse_announced(request, limits)
    try:
        async with asyncio.timeout(limits.seconds):
            async for piece in _pieces(request, limits):
                receiver.take(piece)
        return receiver.finish()
    except BaseException as error:
        receiver.discard()
        match error:
            case ClientDisconnect():
                raise Problem(400, "the request ended before its body did; send it again") from None
            case TimeoutError():
                raise Problem(408, "the films came too slowly, or stopped coming; send them again") from None
            case FormParserError():
                raise Problem(400, "the multipart body is damaged or ends early; send it again") from None
            case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise Problem(507, "the service's disk is full; tell whoever runs it") from None
            case OSError():
                logger.error(f"films cannot be written while they arrive: {error.strerror}")
                raise Problem(503, "the service cannot write at present; tell whoever runs it") from None
        raise


def _refuse_announced(request: Request, limits: UploadLimits) -> None:
    """Refuse a body by the length that it announces, before any of it is read."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > _most(limits):
        raise _too_large(limits)


async def _pieces(request: Request, limits: UploadLimits) -> AsyncIterator[bytes]:
    stream, there, began = request.stream().__aiter__(), 0, time.monotonic()
    while True:
        async with asyncio.timeout(limits.idle_seconds):
            try:
                piece = await anext(stream)
            except StopAsyncIteration:
                return
        there += len(piece)
        if there > _most(limits):
            raise _too_large(limits)
        if there < (time.monotonic() - began - limits.idle_seconds) * limits.rate:
            raise TimeoutError
        yield piece


def _most(limits: UploadLimits) -> int:
    return limits.bytes + limits.films * _BODY_OVERHEAD


def _too_large(limits: UploadLimits) -> Problem:
    return Problem(413, f"a request has at most {limits.bytes >> 20:,} MiB; send its films in several")
