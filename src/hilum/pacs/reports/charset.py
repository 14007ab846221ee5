"""The character set of a film, kept for its results (PS3.3 C.12.1.1.2), and what our own words become in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.charset import (
    STAND_ALONE_ENCODINGS,
    convert_encodings,
    decode_bytes,
    encode_string,
    python_encoding,
)

_MULTI_BYTE = frozenset({"ISO 2022 IR 87", "ISO 2022 IR 159", "ISO 2022 IR 149", "ISO 2022 IR 58"})
_ASCII = ("ISO_IR 6", "ISO 2022 IR 6")
_ALIASES = {"ISO 2022 GBK": "GBK", "ISO 2022 58": "ISO 2022 IR 58"}  # that pydicom reads, and no standard names


@dataclass(frozen=True, slots=True)
class Charset:
    """A character set.

    Attributes:
        terms: the values of Specific Character Set (0008,0005); none is ASCII.
        undeclared: that the film names none, and has bytes of more than 7 bits; pydicom reads those as Latin-1.
    """

    terms: tuple[str, ...] = ()
    undeclared: bool = False

    def kept(self, text: str) -> str:
        """A text of the film as it stands in a result; UnicodeError where it cannot be written again."""
        if text.isascii():
            return text
        if self.undeclared:
            return text.encode("latin-1").decode("utf-8" if self.terms == ("ISO_IR 192",) else "latin-1")
        encodings = convert_encodings(list(self.terms) or None)
        if decode_bytes(encode_string(text, encodings), encodings, set()) != text:
            raise UnicodeError
        return text

    def encode(self, text: str) -> bytes:
        """Words of ours; what the set cannot hold is written as the number of its code point.

        >>> Charset().encode("肺炎: why"), Charset(("ISO_IR 192",)).encode("ü")
        (b'<U+80BA><U+708E>: why', b'\\xc3\\xbc')
        """
        if not text.isascii() and len(self.terms) == 1 and self.terms != ("ISO_IR 13",):
            try:
                return text.encode(python_encoding[self.terms[0]])
            except UnicodeError:
                pass
        return "".join(char if char.isascii() else f"<U+{ord(char):04X}>" for char in text).encode()


def charset_of(declared: object, texts: str) -> Charset:
    """The set that a film declares, in a form that DICOM allows.

    Terms that nobody knows count as none. Where none is declared and the texts are not ASCII, their bytes are kept:
    they are UTF-8 if they can be that, which other texts hardly ever can by chance, else Latin-1.

    >>> charset_of("ISO_IR 100", "ü").terms, charset_of(["", "ISO 2022 IR 87"], "").terms
    (('ISO_IR 100',), ('', 'ISO 2022 IR 87'))

    Args:
        declared: the value of Specific Character Set (0008,0005), whatever it is.
        texts: all that is taken over, as pydicom reads it.
    """
    values = [declared] if isinstance(declared, str) else declared if isinstance(declared, Iterable) else []
    terms = [_ALIASES.get(term, term) for term in (str(value).strip(" \0") for value in values)]
    if any(term not in python_encoding for term in terms) or not any(terms) or set(terms) <= {"", *_ASCII}:
        if texts.isascii():
            return Charset()
        try:
            texts.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return Charset(("ISO_IR 100",), undeclared=True)
        return Charset(("ISO_IR 192",), undeclared=True)
    if terms[0] in STAND_ALONE_ENCODINGS:
        return Charset((terms[0],))
    terms = [term for term in terms if term not in STAND_ALONE_ENCODINGS]
    if len(terms) == 1 and terms[0] not in _MULTI_BYTE:
        return Charset((terms[0].replace("ISO 2022 IR", "ISO_IR"),))
    if terms[0] in _MULTI_BYTE:
        terms.insert(0, "")
    return Charset(tuple(term.replace("ISO_IR", "ISO 2022 IR") for term in terms))
