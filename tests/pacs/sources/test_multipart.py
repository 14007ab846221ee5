"""The first part of a multipart answer is the film's bytes, however the answer is cut into blocks."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.sources.multipart import first_part


def multipart(content: bytes, boundary: str, parts: int = 1, preamble: bytes = b"") -> bytes:
    part = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode() + content + b"\r\n"
    return preamble + part * parts + f"--{boundary}--\r\n".encode()


@given(
    st.binary(max_size=300),
    st.text("abcXYZ019'()+_,-./:=?", min_size=1, max_size=70),
    st.integers(1, 3),
    st.integers(1, 50),
    st.sampled_from([b"", b"a preamble\r\n"]),
)
def test_a_part_is_what_was_put_into_it(
    content: bytes, boundary: str, parts: int, step: int, preamble: bytes
) -> None:
    whole = multipart(content, boundary, parts, preamble)
    if (f"\r\n--{boundary}").encode() in b"\r\n" + content:
        return  # such a boundary may not be chosen
    blocks = [whole[start : start + step] for start in range(0, len(whole), step)]
    assert b"".join(first_part(blocks, boundary, "archive")) == content


def test_it_is_what_the_library_for_mail_writes() -> None:
    message = EmailMessage()
    message.add_attachment(b"DICM" * 3, "application", "dicom", cte="binary")
    message.set_boundary("xyz")
    content = message.as_bytes().partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    assert b"".join(first_part([content], "xyz", "archive")) == b"DICM" * 3


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_an_answer_that_ends_in_the_middle_is_one_line(cut: int) -> None:
    whole = multipart(b"DICM" * 5, "x")
    with pytest.raises(
        Unreachable, match=r"^archive (ends an answer in the middle|does not answer in multiparts as)"
    ):
        list(first_part([whole[:cut]], "x", "archive"))


def test_a_head_without_an_end_is_one_line() -> None:
    with pytest.raises(Unreachable, match=r"^archive does not answer in multiparts as DICOMweb does$"):
        list(first_part([b"--x\r\n"] + [b"A: " + b"a" * 1000 + b"\r\n"] * 100, "x", "archive"))
