"""The first part of a multipart answer of DICOMweb, as it comes (PS3.18 section 8.6; RFC 2046 section 5.1).

By python-multipart, which reads what comes to `hilum serve` too; the libraries for mail and for clients (email,
requests-toolbelt) want the whole content in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from hilum.pacs.senders.outcomes import Unreachable

_LONGEST_PREAMBLE = 64 << 10


def first_part(blocks: Iterable[bytes], boundary: str, whose: str) -> Iterator[bytes]:
    r"""The content of the first part; the rest is read, and not kept.

    Args:
        blocks: the content of the answer.
        boundary: of its media type.
        whose: of whom a refusal speaks.

    Raises:
        Unreachable: it is no multipart content, or ends in the middle.

    >>> content = b"--x\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--x--"
    >>> b"".join(first_part([content[:20], content[20:45], content[45:]], "x", "archive"))
    b'DICM'
    """
    found: list[bytes] = []
    ended = False

    def add(data: bytes, start: int, end: int) -> None:
        if not ended:
            found.append(data[start:end])

    def end_part() -> None:
        nonlocal ended
        ended = True

    mark = boundary.encode("latin-1", "replace")
    try:
        parser = MultipartParser(mark, {"on_part_data": add, "on_part_end": end_part}, max_header_count=32)
        for block in _without_preamble(blocks, b"--" + mark):
            if not ended:  # the rest is read so that the connection can be used again
                parser.write(block)
            yield from found
            found.clear()
    except FormParserError:
        raise Unreachable(f"{whose} does not answer in multiparts as DICOMweb does") from None
    if not ended:
        raise Unreachable(f"{whose} ends an answer in the middle")


def _without_preamble(blocks: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    """The content from its first delimiter on: the parser knows of nothing before that."""
    before = b""
    left = iter(blocks)
    for block in left:
        before += block
        start = before.find(delimiter)
        if start >= 0:
            yield before[start:]
            break
        if len(before) > _LONGEST_PREAMBLE:
            raise FormParserError
    yield from left
