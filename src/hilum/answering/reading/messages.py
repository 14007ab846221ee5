"""What the service and the processes that read films say to one another: plain records, never pickles.

A process that a hostile film has taken over can send bytes that are wrong, and nothing that runs.
"""

from __future__ import annotations

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum.pixels import FilmHeader, Square


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
        picture: pixels of the longer side of the film's picture that is asked for, at most; 0 asks for none.
    """

    path: str
    bundle: int
    picture: int = 0


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
        header: what the film says of itself.
        region: top, left, bottom and right of what is shown, in pixels of the film.
        picture_shape: height and width of `picture`.
        picture: uint8, the film as `hilum.pixels.decode` shows it, 255 being white; None where none was asked for.
    """

    size: int
    levels: bytes
    shape: tuple[int, ...]
    remarks: tuple[str, ...] = ()
    lungs: bytes | None = None
    doubt: str = ""
    whole_size: int = 0
    whole: bytes | None = None
    header: FilmHeader = FilmHeader()
    region: tuple[int, int, int, int] | None = None
    picture_shape: tuple[int, int] = (0, 0)
    picture: bytes | None = None

    @classmethod
    def of(cls, square: Square, picture: NDArray[np.uint8] | None = None) -> FilmRead:
        """A square, and the film's picture where one was asked for, as a message."""
        height, width = (0, 0) if picture is None else picture.shape
        return cls(
            len(square.levels),
            square.levels.tobytes(),
            tuple(square.shape),
            square.remarks,
            None if square.lungs is None else square.lungs.tobytes(),
            square.doubt,
            0 if square.whole is None else len(square.whole),
            None if square.whole is None else square.whole.tobytes(),
            square.header,
            square.region,
            (height, width),
            None if picture is None else picture.tobytes(),
        )

    def square(self) -> Square:
        """The square that was sent.

        Raises:
            ValueError: its arrays are not of the size that it names.
        """
        levels, lungs = _squared(self.levels, self.size), _squared(self.lungs, self.size)
        whole = _squared(self.whole, self.whole_size)
        assert levels is not None
        return Square(levels, self.shape, self.remarks, lungs, self.doubt, whole, self.header, self.region)

    def film_picture(self) -> NDArray[np.uint8]:
        """The film's picture, which was asked for.

        Raises:
            ValueError: it is not of the size that it names, or there is none.
        """
        return np.frombuffer(self.picture or b"", np.uint8).reshape(self.picture_shape)


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


class FilmRefused(Struct, frozen=True, tag="refused"):
    """What cannot be done, and why, without the path of a file.

    Attributes:
        reason: in words that follow the film's name.
        retry: whether it may be read another time: its process was ended, and did not itself find it unreadable.
    """

    reason: str
    retry: bool = False


Request = Start | ReadFilm | ShowFilm | UnpackFilms
Reply = Started | FilmRead | FilmShown | FilmsUnpacked | FilmRefused

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def _squared(levels: bytes | None, size: int) -> NDArray[np.uint8] | None:
    return None if levels is None else np.frombuffer(levels, np.uint8).reshape(size, size)
