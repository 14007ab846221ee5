"""Standard streams that take every name of a file and every sentence, whatever the terminal can show."""

from __future__ import annotations

import codecs
import os
import sys

_HANDLER = "hilum.terminal"


def open_closed_streams() -> None:
    """Give a command that was started with a closed stream (`>&-`) one that goes nowhere.

    Otherwise the first file that it opens takes the stream's number, and gets what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))


def write_anything() -> None:
    """Let stdout and stderr write what their encoding lacks, instead of ending the command in the middle.

    A name that is not in the file system's encoding is written as the bytes that it has, so that what reads the
    output finds the file; a letter that a code page lacks is written as Python would write it, such as `\\u2713`.
    """
    codecs.register_error(_HANDLER, _encoded)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a notebook's or a test's stream has none
        if reconfigure is not None:
            reconfigure(errors=_HANDLER)


def _encoded(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = error.object[error.start]
    if 0xDC80 <= ord(letter) <= 0xDCFF and error.encoding.replace("_", "-").lower() not in ("utf-16", "utf-32"):
        return bytes([ord(letter) - 0xDC00]), error.start + 1  # PEP 383
    return letter.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1
