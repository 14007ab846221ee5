"""A DICOM data set's elements, one after another: nothing is built of them, and nothing is read twice.

What arrives from a network may be made by anybody. Sequences are passed over without recursion, values by their
lengths alone, and the number of elements is bounded: whatever the bytes are, reading them takes a bounded time and no
memory.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Container, Iterator
from contextlib import suppress
from typing import BinaryIO, NamedTuple

MOST_ELEMENTS = 100_000  # of one data set, with those of its sequences and the items of its pixel data
_MOST_WITHIN = 4096  # bytes of a sequence of codes
_DEEPEST = 64  # sequences and items in one another
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_BLOCK = 1 << 18
_LITTLE, _BIG = struct.Struct("<HHL"), struct.Struct(">HHL")
# The types of value whose length takes four bytes in explicit VR (PS3.5, section 7.1.2).
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))


def is_vr(letters: bytes) -> bool:
    """Whether two bytes are the name of a type of value, as explicit VR has it behind an element's tag."""
    return len(letters) == 2 and letters.isalpha() and letters.isupper()


class DataSetError(Exception):
    """Bytes that are no whole data set, or more than one may have; in words that follow "a DICOM"."""


class Element(NamedTuple):
    """The head of an element.

    Attributes:
        tag: group and element, as one number.
        vr: its type of value, such as `CS`; empty in implicit VR.
        length: bytes of its value; None where only a delimiter ends it.
    """

    tag: int
    vr: str
    length: int | None


class ElementReader:
    """Reads a data set's elements in their order, each value once or never."""

    def __init__(self, stream: BinaryIO, size: int | None) -> None:
        """Begin where the stream stands.

        Args:
            stream: of the bytes.
            size: bytes from here to its end; None where that is not known, and the stream cannot be moved.
        """
        self.explicit = True
        self.big_endian = False
        self._stream = stream
        self._left = size
        self._count = 0

    def head(self) -> Element | None:
        """The next element's head; None at the end."""
        start = self._stream.read(8)
        if len(start) < 8:
            if start:
                raise DataSetError("that is cut off")
            return None
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise DataSetError(f"of more than {MOST_ELEMENTS:,} elements")
        self._spend(8)
        group, number, length = (_BIG if self.big_endian else _LITTLE).unpack(start)
        vr = start[4:6]
        if not self.explicit or group == 0xFFFE or not is_vr(vr):
            vr = b""
        elif vr in _LONG:
            length = int.from_bytes(self.take(4), "big" if self.big_endian else "little")
        else:
            length = int.from_bytes(start[6:], "big" if self.big_endian else "little")
        return Element(group << 16 | number, vr.decode("ascii"), None if length == _UNDEFINED else length)

    def take(self, length: int) -> bytes:
        """So many bytes of a value."""
        self._spend(length)
        taken = self._stream.read(length)
        if len(taken) < length:
            raise DataSetError("that is cut off")
        return taken

    def blocks(self, length: int) -> Iterator[bytes]:
        """A value of any length, in blocks of at most 256 KiB."""
        while length:
            block = self.take(min(length, _BLOCK))
            length -= len(block)
            yield block

    def skip(self, element: Element) -> None:
        """Pass over an element's value."""
        if element.length is None:
            self._skip_sequence(element.vr)
        else:
            self._pass(element.length)

    def within(self, sequence: Element, wanted: Container[int]) -> dict[int, bytes]:
        """The first values of some elements in a sequence's items, which is passed over; none of a long sequence.

        Args:
            sequence: whose value is read.
            wanted: tags of texts.
        """
        if sequence.length is None and sequence.vr != "UN":
            return self._first_values(wanted)
        if sequence.length is None or sequence.length > _MOST_WITHIN:
            self.skip(sequence)
            return {}
        value = self.take(sequence.length)
        inner = ElementReader(io.BytesIO(value), len(value))
        inner.explicit, inner.big_endian = self.explicit and sequence.vr != "UN", self.big_endian
        with suppress(DataSetError):  # whose length is right, whatever lies in it
            return inner._first_values(wanted)
        return {}

    def _first_values(self, wanted: Container[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        while (element := self.head()) and element.tag != _SEQUENCE_END:
            if element.tag in wanted and element.tag not in found and (element.length or 0) <= _MOST_WITHIN:
                found[element.tag] = self.take(element.length or 0)
            elif element.tag not in (_ITEM, _ITEM_END):
                self.skip(element)
        return found

    def items(self) -> Iterator[bytes]:
        """The value of encapsulated pixel data: its items as they stand, without the delimiter (PS3.5, A.4)."""
        while (item := self.head()) and item.tag == _ITEM:
            if item.length is None:
                raise DataSetError("whose pixel data has a fragment without a length")
            yield b"\xfe\xff\x00\xe0" + item.length.to_bytes(4, "little")
            yield from self.blocks(item.length)

    def _skip_sequence(self, vr: str) -> None:
        """Pass over what a delimiter ends, whatever lies in it."""
        outside = self.explicit
        within = [self.explicit]  # whether the data around each sequence and item is in explicit VR
        if vr == "UN":
            self.explicit = False  # PS3.5, section 6.2.2, note 2
        while within:
            element = self.head()
            if element is None:
                raise DataSetError("that is cut off")
            if element.tag in (_ITEM_END, _SEQUENCE_END):
                self.explicit = within.pop()
            elif element.length is not None:
                self._pass(element.length)
            elif len(within) == _DEEPEST:
                raise DataSetError("whose sequences lie too deep in one another")
            else:
                within.append(self.explicit)
                self.explicit = self.explicit and element.vr != "UN"
        self.explicit = outside

    def _pass(self, length: int) -> None:
        if self._left is None:
            for _ in self.blocks(length):
                pass
        else:
            self._spend(length)
            self._stream.seek(length, io.SEEK_CUR)

    def _spend(self, length: int) -> None:
        if self._left is not None:
            self._left -= length
            if self._left < 0:
                raise DataSetError("that is cut off")


class Inflated(io.RawIOBase):
    """A deflated data set (PS3.5, A.5) as it was, a block at a time, up to so many bytes."""

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._stream = stream
        self._left = most
        self._inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        self._waiting = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Inflate as much as fits."""
        while not self._inflating.eof:
            self._waiting = self._waiting or self._stream.read(_BLOCK)
            try:
                block = self._inflating.decompress(self._waiting, len(buffer))
            except zlib.error:
                raise DataSetError("whose deflated data set is damaged") from None
            ended = not self._waiting
            self._waiting = self._inflating.unconsumed_tail
            self._left -= len(block)
            if self._left < 0:
                raise DataSetError("that is deflated, and larger than a film can be")
            if block or ended:
                buffer[: len(block)] = block
                return len(block)
        return 0
