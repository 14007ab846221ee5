"""What a film was taken of and from which side, by everything that its header says of it.

Body Part Examined and View Position are required of some films and empty on many. Only then what others say instead
is used: Anatomic Region Sequence and View Code Sequence (PS3.3, C.8.11.1 and C.8.11.5), Patient Orientation
(C.7.6.1.1.1), and what the series is called.
"""

from __future__ import annotations

import re
import unicodedata

from hilum.pacs.records import FilmFacts

# In capitals: Body Part Examined (PS3.16, annex L), and what is written in its place.
_CHEST = ("CHEST", "THORA", "TORAX", "TORACE", "LUNG", "PULMO", "PULMAO", "POUMON", "胸", "ГРУД", "ЛЕГК", "흉부")
_SAYS_NOTHING = ("", "UNKNOWN", "OTHER", "NONE", "UNSPECIFIED", "UNDEFINED", "N A", "BODY")
# CID 4031 and 4009 (PS3.16): chest, lung, and chest with what is beside it, in SNOMED CT and in its older codes.
_CHEST_CODES = frozenset({
    "816094009", "51185008", "43799004", "39607008", "416550000", "416775004", "417437006",
    "T-D3000", "T-D3200", "T-28000", "R-FAB55",
})  # fmt: skip
# CID 4010: lateral, left lateral, right lateral.
_LATERAL_CODES = frozenset(("399067008", "399173006", "399198007", "R-102CD", "R-10236", "R-10232"))
_LATERAL = frozenset({
    "LAT", "LATERAL", "LATERALE", "LATERALES", "LATERALIS", "LLAT", "RLAT", "LL",
    "SEITLICH", "SEITL", "PROFIL", "PROFILE", "PERFIL", "XTABLE", "БОКОВАЯ",
})  # fmt: skip
_LATERAL_VIEWS = frozenset(("L", "RL", "XTL", *_LATERAL))  # beside a chest's name these letters mean other things
_LATERAL_SIGNS = ("侧位", "側位", "側面", "측면")
# From the front or the back; a decubitus is one, whatever it is called.
_FRONTAL = re.compile(r"AP|PA|FRONTAL\w*|DECUB\w*|LLD|RLD|[LR][AP]O|OBLIQ\w*|SCHR\w*G")


def other_part(facts: FilmFacts) -> str:
    """Which part of the body a film shows, where that is not the chest; empty for a chest, and where nothing says.

    >>> other_part(FilmFacts(body_part="HAND")), other_part(FilmFacts(body_part="Tórax")), other_part(FilmFacts())
    ('HAND', '', '')
    """
    part = _plain(facts.body_part)
    if part not in _SAYS_NOTHING:
        return "" if _is_chest(part) else facts.body_part.upper()
    code, meaning = facts.region
    if code and code not in _CHEST_CODES and not _is_chest(_plain(meaning)):
        return meaning.upper() or code
    return ""


def is_lateral(facts: FilmFacts) -> bool:
    """Whether a film was taken from the side. What says more of it is believed before what says less.

    >>> is_lateral(FilmFacts(view="LL")), is_lateral(FilmFacts(orientation="A")), is_lateral(FilmFacts(view="LLD"))
    (True, True, False)
    """
    view = _words(facts.view)
    if view & _LATERAL_VIEWS or _is_frontal(view):
        return not _is_frontal(view)
    code, meaning = facts.view_code
    words = _words(meaning)
    if code in _LATERAL_CODES or "LATERAL" in words or _is_frontal(words):
        return not _is_frontal(words)
    if facts.orientation.upper().startswith(("A", "P")):  # to which side the rows run
        return True
    words = _words(" ".join(facts.described))
    signs = any(sign in text for sign in _LATERAL_SIGNS for text in facts.described)
    return bool(signs or words & _LATERAL) and not _is_frontal(words)


def _is_chest(plain: str) -> bool:
    return any(each in plain for each in _CHEST)


def _is_frontal(words: frozenset[str]) -> bool:
    return any(_FRONTAL.fullmatch(word) for word in words)


def _words(text: str) -> frozenset[str]:
    return frozenset(_plain(text).split())


def _plain(text: str) -> str:
    """A text in capitals, without accents and signs, its words apart at blanks."""
    letters = (each for each in unicodedata.normalize("NFKD", text.upper()) if not unicodedata.combining(each))
    return " ".join(re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", "".join(letters))).split())
