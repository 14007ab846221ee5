"""What the service and the processes that read films say to one another: plain records, never pickles.

A process that a hostile film has taken over can send bytes that are wrong, and nothing that runs.
"""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum.answering.reading.header import FilmHeader
from hilum.pixels import Square


class Start(Struct, frozen=True, tag="start"):
    """The first message to a process: for which bundles it reads films, and what it may use.

    Attributes:
        bundles: their folders.
        seals: what they were when the service opened them.
        cpu_seconds: processor time for a film.
        memory: bytes for a film, beside what the process itself takes.
    """

    bundles: tuple[str, ...]
    seals: tuple[str, ...]
    cpu_seconds: int
    memory: int


class Started(Struct, frozen=True, tag="started"):
    """The answer to `Start`."""


class ReadFilm(Struct, frozen=True, tag="read"):
    """Read a film as a bundle's detector is shown it.

    Attributes:
        path: a file that the service has made.
        bundle: the number of the bundle in `Start.bundles`.
    """

    path: str
    bundle: int


class FilmRead(Struct, frozen=True, tag="square"):
    """A film that was read: the fields of `hilum.pixels.Square`, its arrays as bytes.

    Attributes:
        size: height and width of the square.
        levels: uint8, size × size of them.
        shape: height and width of the film.
        remarks: about how it was read.
        lungs: as `levels`; None where the whole film is shown.
        doubt: why an answer is withheld.
        whole_size: height and width of `whole`.
        whole: uint8, the whole film, for the gate; None where the square is all that there is.
        age: as the film's header says it.
        header: what the film says of itself.
    """

    size: int
    levels: bytes
    shape: tuple[int, ...]
    remarks: tuple[str, ...] = ()
    lungs: bytes | None = None
    doubt: str = ""
    whole_size: int = 0
    whole: bytes | None = None
    age: str = ""
    header: FilmHeader = FilmHeader()

    @classmethod
    def of(cls, square: Square, header: FilmHeader) -> FilmRead:
        """A square as a message."""
        return cls(
            len(square.levels),
            square.levels.tobytes(),
            tuple(square.shape),
            square.remarks,
            None if square.lungs is None else square.lungs.tobytes(),
            square.doubt,
            0 if square.whole is None else len(square.whole),
            None if square.whole is None else square.whole.tobytes(),
            square.age,
            header,
        )

    def square(self) -> Square:
        """The square that was sent.

        Raises:
            ValueError: its arrays are not of the size that it names.
        """
        levels, lungs = _squared(self.levels, self.size), _squared(self.lungs, self.size)
        whole = _squared(self.whole, self.whole_size)
        assert levels is not None
        return Square(levels, self.shape, self.remarks, lungs, self.doubt, whole, self.age)


class ShowFilm(Struct, frozen=True, tag="show"):
    """Read a film's pixels for a viewer, at their full depth.

    Attributes:
        path: a file that the service has made.
    """

    path: str


class FilmShown(Struct, frozen=True, tag="shown"):
    """A film's pixels for a viewer.

    Attributes:
        height: in pixels.
        width: in pixels.
        pixels: uint16, little-endian, row by row, compressed by DEFLATE (RFC 1950).
        inverted: whether low values are white (MONOCHROME1).
        windows: centre and width of the film's own windows, the first one first, in the units of the pixels.
        low: the smallest value.
        high: the largest value.
        spacing: as in `FilmHeader`.
    """

    height: int
    width: int
    pixels: bytes
    inverted: bool
    windows: tuple[tuple[float, float], ...]
    low: int
    high: int
    spacing: float


class LocateFilm(Struct, frozen=True, tag="locate"):
    """Read a film as a detector is shown it, with the part of the film that this is.

    Attributes:
        path: a file that the service has made.
        bundle: the number of the bundle in `Start.bundles`.
    """

    path: str
    bundle: int


class FilmLocated(Struct, frozen=True, tag="located"):
    """A film as a detector is shown it.

    Attributes:
        size: height and width of the square.
        levels: uint8, size × size of them.
        shape: height and width of the film.
        region: top, left, bottom and right of what is shown, in pixels of the film.
        is_padded: whether the square keeps the region's proportions and is black beside it.
        lungs: as `levels`; None where the whole film is shown.
    """

    size: int
    levels: bytes
    shape: tuple[int, int]
    region: tuple[int, int, int, int]
    is_padded: bool
    lungs: bytes | None = None

    def squares(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """The square, and the lungs in it.

        Raises:
            ValueError: its arrays are not of the size that it names.
        """
        levels = _squared(self.levels, self.size)
        assert levels is not None
        return levels, _squared(self.lungs, self.size)


class UnpackFilms(Struct, frozen=True, tag="unpack"):
    """Give the films of an archive as pictures of their own.

    Attributes:
        path: a file that the service has made.
        most: how many films it may have.
    """

    path: str
    most: int


class FilmsUnpacked(Struct, frozen=True, tag="unpacked"):
    """The films of an archive.

    Attributes:
        number: how many it has.
        films: PNGs; none where there are more than were asked for.
    """

    number: int
    films: tuple[bytes, ...]


class Refused(Struct, frozen=True, tag="refused"):
    """What cannot be done, and why, without the path of a file."""

    reason: str


Request = Start | ReadFilm | ShowFilm | LocateFilm | UnpackFilms
Reply = Started | FilmRead | FilmShown | FilmLocated | FilmsUnpacked | Refused

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def _squared(levels: bytes | None, size: int) -> NDArray[np.uint8] | None:
    return None if levels is None else np.frombuffer(levels, np.uint8).reshape(size, size)
