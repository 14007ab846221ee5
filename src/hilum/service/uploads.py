"""The films of a request, written to files of our own as they arrive: limits are kept before anything is decoded."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Request
from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from hilum.pixels.bounds import MAX_FILE_BYTES
from hilum.service.problems import Problem

logger = logging.getLogger("hilum")

ADDRESSES = ("/v1/predictions", "/films")  # that films are sent to
PART = "film"  # the name of a film's part in multipart/form-data
_SMALL = 256 << 10  # bytes that are read again, just after they were written, in less time than a thread takes
_BODY_OVERHEAD = 64 << 10  # of a multipart body, for each film
SINGLE = ("application/dicom", "application/octet-stream", "image/")  # a body that is one film


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
        receiver: _Receiver = _Parts(spool, limits, boundary)
    elif content_type.startswith(SINGLE):
        receiver = _OneFilm(spool, limits)
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


class _Receiver:
    """What a body's bytes become, film by film."""

    def __init__(self, spool: Path, limits: UploadLimits) -> None:
        self._spool, self._limits = spool, limits
        self._films: list[Upload] = []
        self._open: _Film | None = None

    def take(self, piece: bytes) -> None:
        """The next bytes of the body."""
        raise NotImplementedError

    def finish(self) -> list[Upload]:
        """The films, at the end of the body."""
        if self._open is not None:
            raise MultipartParseError("ends within a part")
        if not self._films:
            raise Problem(422, f"there is no film in the request; send each as a part called '{PART}'")
        return self._films

    def discard(self) -> None:
        """Remove what has arrived."""
        if self._open is not None:
            self._open.discard()
        for film in self._films:
            film.discard()

    def _begin(self) -> None:
        if len(self._films) >= self._limits.films:
            raise Problem(413, f"a request has at most {self._limits.films:,} films; send them in several")
        self._open = _Film(self._spool / secrets.token_hex(16), self._limits.film_bytes)

    def _end(self) -> None:
        if self._open is not None:
            film, self._open = self._open, None
            self._films.append(film.close())


class _OneFilm(_Receiver):
    def take(self, piece: bytes) -> None:
        if self._open is None:
            self._begin()
        assert self._open is not None
        self._open.write(piece)

    def finish(self) -> list[Upload]:
        self._end()
        if self._films and not self._films[0].bytes:
            raise Problem(422, "the request has no body; send a film in it")
        return super().finish()


@dataclass(slots=True)
class _Film:
    path: Path
    most: int
    length: int = 0
    _file: BinaryIO = field(init=False)
    _hash: Any = field(default_factory=hashlib.sha256, init=False)

    def __post_init__(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def write(self, piece: bytes) -> None:
        self.length += len(piece)
        if self.length > self.most:
            raise Problem(413, f"a film has at most {self.most >> 20} MiB; scale it down")
        self._file.write(piece)
        self._hash.update(piece)

    def close(self) -> Upload:
        self._file.close()
        return Upload(self.path, self._hash.hexdigest(), self.length)

    def discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink()


class _Parts(_Receiver):
    """A multipart body (RFC 7578). Parts with another name than `film` are refused, so that none is lost silently."""

    def __init__(self, spool: Path, limits: UploadLimits, boundary: bytes) -> None:
        super().__init__(spool, limits)
        self._header, self._value, self._headers = b"", b"", dict[bytes, bytes]()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_part_data": self._part_goes_on,
                "on_part_end": self._end,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_finished,
                "on_end": self._all_ended,
            },
        )

    def take(self, piece: bytes) -> None:
        self._parser.write(piece)

    def finish(self) -> list[Upload]:
        if not self._ended:
            raise MultipartParseError("ends early")
        return super().finish()

    def _part_begins(self) -> None:
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name", b"") != PART.encode():
            raise Problem(422, f"a part of the request is not called '{PART}'; only films are taken, under that name")
        self._begin()

    def _part_goes_on(self, data: bytes, start: int, end: int) -> None:
        if self._open is not None:
            self._open.write(data[start:end])

    def _all_ended(self) -> None:
        self._ended = True
