"""Content items of structured reports (PS3.3 C.17.3), encoded as Explicit VR Little Endian at once.

highdicom builds the same tree in ten times the processor time (`python -m benchmarks.pacs_reports`), with which 25
films a second would take most of a core for their reports alone. Here an item is bytes from the beginning. The tests
build the reports with highdicom too and compare the trees, item by item.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydicom.sr.coding import Code

CONTAINS, HAS_CONTEXT, HAS_MODIFIER = "CONTAINS", "HAS OBS CONTEXT", "HAS CONCEPT MOD"
HAS_ACQUISITION, SELECTED_FROM, INFERRED_FROM = "HAS ACQ CONTEXT", "SELECTED FROM", "INFERRED FROM"
_LEAST = "0.0000005"
_LONGEST_MEANING = 64  # of LO, in characters (PS3.5 6.2); programs that count bytes shall not complain either
_LONG = frozenset({"SQ", "UT", "UC"})  # VRs with four bytes of length (PS3.5 7.1.2)


def element(tag: int, vr: str, value: bytes) -> bytes:
    """A data element.

    >>> element(0x0040A010, "CS", b"CONTAINS").hex(" ", 4)
    '400010a0 43530800 434f4e54 41494e53'
    """
    if len(value) % 2:
        value += b"\0" if vr == "UI" else b" "
    length = struct.pack("<HI", 0, len(value)) if vr in _LONG else struct.pack("<H", len(value))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode() + length + value


def sequence(tag: int, items: Iterable[bytes]) -> bytes:
    """A sequence of items of defined length (PS3.5 7.5)."""
    return element(tag, "SQ", joined_items(items))


def joined_items(items: Iterable[bytes]) -> bytes:
    """The value of a sequence."""
    return b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(each)) + each for each in items)


@dataclass(frozen=True, slots=True)
class ContentItems:
    """Makes content items in one character set; each is bytes, and takes the items below it as bytes.

    Attributes:
        encode: text into the report's character set.
    """

    encode: Callable[[str], bytes]

    def text(self, relation: str, name: Code, text: str) -> bytes:
        """TEXT."""
        return self._item(relation, "TEXT", name, after=element(0x0040A160, "UT", self.encode(text)))

    def code(self, relation: str, name: Code, value: Code, children: Sequence[bytes] = ()) -> bytes:
        """CODE."""
        return self._item(relation, "CODE", name, after=self._codes(0x0040A168, value), children=children)

    def uid(self, relation: str, name: Code, uid: str) -> bytes:
        """UIDREF."""
        return self._item(relation, "UIDREF", name, after=element(0x0040A124, "UI", uid.encode()))

    def number(self, relation: str, name: Code, value: float, unit: Code) -> bytes:
        """NUM, with six decimals.

        Of a number that reads as 0 OHIF shows the unit alone, and for no unit that is `1`: a probability of 0 reads
        as certainty. So what would be rounded to 0 is written as half a millionth, as near to it as rounding is.
        """
        digits = f"{value:.6f}"
        digits = digits if float(digits) else _LEAST
        measured = self._codes(0x004008EA, unit) + element(0x0040A30A, "DS", digits.encode())
        return self._item(relation, "NUM", name, after=sequence(0x0040A300, [measured]))

    def image(self, relation: str, name: Code, sop_class: str, instance: str) -> bytes:
        """IMAGE."""
        referenced = element(0x00081150, "UI", sop_class.encode()) + element(0x00081155, "UI", instance.encode())
        return self._item(relation, "IMAGE", name, before=sequence(0x00081199, [referenced]))

    def polyline(self, relation: str, name: Code, points: Sequence[tuple[float, float]], image: bytes) -> bytes:
        """SCOORD of type POLYLINE (PS3.3 C.18.6): columns and rows, from the corner of the film's first pixel."""
        flat = [value for point in points for value in point]
        graphic = element(0x00700022, "FL", struct.pack(f"<{len(flat)}f", *flat))
        kind = element(0x00700023, "CS", b"POLYLINE")
        return self._item(relation, "SCOORD", name, children=[image], last=graphic + kind)

    def container(self, relation: str, name: Code, children: Sequence[bytes], template: str = "") -> bytes:
        """CONTAINER, of a template of PS3.16 where one is named."""
        after = element(0x0040A050, "CS", b"SEPARATE")
        if template:
            mapping = element(0x00080105, "CS", b"DCMR") + element(0x0040DB00, "CS", template.encode())
            after += sequence(0x0040A504, [mapping])
        return self._item(relation, "CONTAINER", name, after=after, children=children)

    def _item(
        self,
        relation: str,
        kind: str,
        name: Code,
        *,
        before: bytes = b"",
        after: bytes = b"",
        children: Sequence[bytes] = (),
        last: bytes = b"",
    ) -> bytes:
        """Elements in the order of their tags: `before` lies below (0040,A010), `last` above (0040,A730)."""
        related = element(0x0040A010, "CS", relation.encode())
        named = element(0x0040A040, "CS", kind.encode()) + self._codes(0x0040A043, name)
        below = sequence(0x0040A730, children) if children else b""
        return before + related + named + after + below + last

    def _codes(self, tag: int, code: Code) -> bytes:
        words = code.meaning
        while len(meaning := self.encode(words)) > _LONGEST_MEANING:
            words = words[: min(len(words), _LONGEST_MEANING + 1) - 1]
        return _code_sequence(tag, code.value, code.scheme_designator, meaning)


@lru_cache(maxsize=512)
def _code_sequence(tag: int, value: str, scheme: str, meaning: bytes) -> bytes:
    """A code (PS3.3 8.8); of more than 16 characters it is a long one."""
    named = element(0x00080102, "SH", scheme.encode()) + element(0x00080104, "LO", meaning)
    if len(value) <= 16:
        return sequence(tag, [element(0x00080100, "SH", value.encode()) + named])
    return sequence(tag, [named + element(0x00080119, "UC", value.encode())])
