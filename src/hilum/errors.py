"""Everything that Hilum refuses, as one small tree.

HilumError          one line: what is wrong, where, how to fix it
├── RequestError    the request cannot be carried out as it stands       (exit code 2)
│   ├── RecipeError     a recipe's key or value
│   ├── LayoutError     a folder, a table or a manifest of films
│   ├── BundleError     a bundle that is incomplete, changed or from another version
│   └── NotAFileError   a pipe, a device or a socket where a file should be, or a file that is too large
├── StoreError      the database of predictions does not answer, or is full (exit code 1)
└── FilmError       one film cannot be read; the others go on            (exit code 1)
"""

from __future__ import annotations

import errno
import re

_BYTES = re.compile(r"\bb(?=['\"])")  # Python's mark before bytes
_CODE = re.compile(r"\[\w+Error\]( : \d+ : \w+ :)? ?")  # of ONNX Runtime, before its own words


class HilumError(Exception):
    """What went wrong, as one line for a person: what, where, how to fix it."""

    def __str__(self) -> str:
        """One line that every terminal can show, whatever is in a name or in a library's words."""
        return _one_line(super().__str__())


class RequestError(HilumError):
    """The request itself cannot be carried out; nothing was changed."""


class RecipeError(RequestError):
    """A recipe has an unknown key, a value of the wrong type, or one out of range."""


class LayoutError(RequestError):
    """A folder, table or manifest does not say which films there are or what they show."""


class BundleError(RequestError):
    """A bundle is incomplete, was changed after it was written, or has another schema."""


class NotAFileError(RequestError, OSError):
    """What was named is a pipe, a device or a socket, or is larger than what it is meant to be.

    An `OSError` too: whoever can say what the file was needed for catches it as one.

    Attributes:
        path: what was named.
        reason: what is wrong with it and how to fix it, without the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        OSError.__init__(self, errno.EINVAL, reason, path)

    def __str__(self) -> str:
        return _one_line(f"{self.path}: {self.reason}")


class StoreError(HilumError):
    """The database of predictions does not answer, is full or damaged; what was being written is not there."""


class FilmError(HilumError):
    """One film cannot be read.

    Attributes:
        path: the film as the user named it.
        reason: what is wrong with it and how to fix it, without the path.
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


def _one_line(text: str) -> str:
    """Text with white space as spaces, and what cannot be printed escaped: also bytes of names that are not UTF-8."""
    if text.isprintable():
        return text
    spaced = " ".join(text.splitlines()).replace("\t", " ")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in spaced
    )


def reason_of(error: BaseException) -> str:
    """A library's reason for a person: its words, but for those that only a programmer understands.

    >>> reason_of(ValueError("the list ends too early")), reason_of(UnicodeError())
    ('the list ends too early', 'not UTF-8 text')
    """
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "not UTF-8 text"
    words = _CODE.sub("", _BYTES.sub("", " ".join(str(error).split())))[:200]
    programmers = (TypeError, AttributeError, LookupError, ArithmeticError, AssertionError)
    for_programmers = isinstance(error, programmers) or isinstance(
        error.__cause__, programmers
    )  # Pillow passes them on
    return "damaged" if for_programmers or not words or "unpack" in words else words
