"""The first part of a multipart answer of DICOMweb, as it comes (PS3.18 section 8.6; RFC 2046 section 5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hilum.pacs.senders.outcomes import Unreachable

_LARGEST_HEAD = 64 << 10  # of what comes before a part's content


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
    left = iter(blocks)
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    waiting = _after_head(left, delimiter, whose)
    end = b"\r\n" + delimiter
    while (at := waiting.find(end)) < 0:
        keep = len(end) - 1  # as much as may be the beginning of the delimiter
        if len(waiting) > keep:
            yield waiting[:-keep]
            waiting = waiting[-keep:]
        block = next(left, None)
        if block is None:
            raise Unreachable(f"{whose} ends an answer in the middle")
        waiting += block
    yield waiting[:at]
    for _ in left:  # so that the connection can be used again
        pass


def _after_head(left: Iterator[bytes], delimiter: bytes, whose: str) -> bytes:
    """The beginning of the content."""
    waiting = b"\r\n"  # the first delimiter may stand at the very beginning
    while True:
        start = waiting.find(b"\r\n" + delimiter)
        stop = waiting.find(b"\r\n\r\n", start + 2) if start >= 0 else -1
        if stop >= 0:
            return waiting[stop + 4 :]
        block = next(left, None)
        if block is None or len(waiting) > _LARGEST_HEAD:
            raise Unreachable(f"{whose} does not answer in multiparts as DICOMweb does")
        waiting += block
