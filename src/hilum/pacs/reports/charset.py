"""The character set of a film, kept for its results (PS3.3 C.12.1.1.2), and what our own words become in it."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from pydicom.charset import (
    STAND_ALONE_ENCODINGS,
    convert_encodings,
    decode_bytes,
    default_encoding,
    encode_string,
    python_encoding,
)

_MULTI_BYTE = frozenset({"ISO 2022 IR 87", "ISO 2022 IR 159", "ISO 2022 IR 149", "ISO 2022 IR 58"})
_ASCII = ("ISO_IR 6", "ISO 2022 IR 6")
# GB18030 writes what GBK can in the same bytes, and more tools know it; the others no standard names.
_ALIASES = {"GBK": "GB18030", "ISO 2022 GBK": "GB18030", "ISO 2022 58": "ISO 2022 IR 58"}
_LATIN_9 = "ISO_IR 203"  # of the standard, and unknown to pydicom, which reads it as Latin-1


@dataclass(frozen=True, slots=True)
class Charset:
    """A character set.

    Attributes:
        terms: the values of Specific Character Set (0008,0005); none is ASCII.
        read_as: the codec of bytes that pydicom reads as Latin-1, since the film names no set that it knows.
    """

    terms: tuple[str, ...] = ()
    read_as: str = ""

    def kept(self, text: str) -> str:
        """A text of the film as it stands in a result; UnicodeError where it cannot be written again."""
        if text.isascii():
            return text
        if self.read_as:
            return text.encode("latin-1").decode(self.read_as)
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
    terms = [_ALIASES.get(term, term) for term in (_meant(str(value).strip(" \0")) for value in values)]
    if terms == [_LATIN_9]:
        return Charset(("ISO_IR 192",), read_as="iso8859-15")
    if any(term not in python_encoding for term in terms) or not any(terms) or set(terms) <= {"", *_ASCII}:
        if texts.isascii():
            return Charset()
        try:
            texts.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return Charset(("ISO_IR 100",), read_as="latin-1")
        return Charset(("ISO_IR 192",), read_as="utf-8")
    if terms[0] in STAND_ALONE_ENCODINGS:
        return Charset((terms[0],))
    alone = [term for term in terms if term in STAND_ALONE_ENCODINGS]  # where DICOM allows none, and pydicom drops it
    terms = [term for term in terms if term not in STAND_ALONE_ENCODINGS]
    if alone and set(terms) <= {"", *_ASCII}:
        return Charset((alone[0],), read_as=python_encoding[alone[0]])
    if len(terms) == 1 and terms[0] not in _MULTI_BYTE:
        return Charset((terms[0].replace("ISO 2022 IR", "ISO_IR"),))
    if terms[0] in _MULTI_BYTE:
        terms.insert(0, "")
    return Charset(tuple(term.replace("ISO_IR", "ISO 2022 IR") for term in terms))


def _meant(term: str) -> str:
    """A term as DICOM spells it, where pydicom too knows what is meant by another spelling, such as `UTF-8`."""
    if term in python_encoding:
        return term
    with suppress(LookupError):
        (codec,) = convert_encodings([term])
        if codec != default_encoding:
            name = codecs.lookup(codec).name
            known = (each for each in python_encoding if each not in ("", *_ASCII))
            return next((each for each in known if codecs.lookup(python_encoding[each]).name == name), term)
    return term
