"""What a body's bytes become as they arrive: files of our own, one a film."""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from hilum.service.problems import Problem
from hilum.service.uploads import PART, Upload, UploadLimits


class Receiver:
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


class OneFilm(Receiver):
    """A body that is one film."""

    def take(self, piece: bytes) -> None:
        """The next bytes of the film."""
        if self._open is None:
            self._begin()
        assert self._open is not None
        self._open.write(piece)

    def finish(self) -> list[Upload]:
        """The film."""
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


class Parts(Receiver):
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
        """The next bytes of the body."""
        self._parser.write(piece)

    def finish(self) -> list[Upload]:
        """The films, at the end of the body."""
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
