"""Which films a node answers, by what they say of themselves; others are counted and left alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from pydicom.uid import DigitalXRayImageStorageForProcessing, SecondaryCaptureImageStorage

from hilum.pacs.identity import is_own
from hilum.pacs.projections import is_lateral, other_part
from hilum.pacs.records import AnsweredFilm, FilmFacts
from hilum.pacs.settings import Films
from hilum.pixels.dicom.kind import true_modality
from hilum.records import NOT_JUDGED
from hilum.store import FilmState

OWN_MANUFACTURER = "Hilum"
_TERM = re.compile(r"[A-Z0-9][A-Z0-9 _-]{0,15}")  # a Code String (PS3.5, 6.2): anything else is not repeated
_ADULT = "is an adult's, says the header"  # the gate's words


class Sorted(NamedTuple):
    """What becomes of a film.

    Attributes:
        state: `received`, `left alone` or `ignored`.
        why: in words without identifiers; empty for a film that is answered.
    """

    state: FilmState
    why: str = ""


def sort_out(facts: FilmFacts, films: Films) -> Sorted:
    r"""What becomes of a film, by what it says of itself.

    A result of a node that comes back is ignored: by the root of its UID, or its manufacturer. `DERIVED` alone is
    nothing against a film: a digital radiograph for presentation is DERIVED\PRIMARY (PS3.3, C.8.11.3.1.5); what was
    made from a film is DERIVED\SECONDARY.

    Args:
        facts: of the film.
        films: which are answered.

    >>> sort_out(FilmFacts(modality="DX", body_part="CHEST", view="LL"), Films())
    Sorted(state='left alone', why='a lateral film')
    """
    if (
        is_own(facts.instance)
        or is_own(facts.series)
        or facts.manufacturer.strip().upper() == OWN_MANUFACTURER.upper()
    ):
        return Sorted("ignored", "a result of a node")
    why = next(filter(None, (rule(facts, films) for rule in _RULES)), "")
    return Sorted("left alone", why) if why else Sorted("received")


def left_alone_after(answered: AnsweredFilm, films: Films) -> str:
    """Why an answered film is left alone all the same: of an age that the detector was not made for; else empty."""
    row = answered.row
    if films.report_others or row.answer != NOT_JUDGED:
        return ""
    return "an adult's film, by its header, for a detector of children's films" if _ADULT in row.flags else ""


def _modality(facts: FilmFacts, films: Films) -> str:
    modality = true_modality(facts.modality.upper(), facts.sop_class)
    if not modality and facts.sop_class == SecondaryCaptureImageStorage:
        modality = "SC"
    if modality in {each.upper() for each in films.modalities}:
        return ""
    return f"of modality {_term(modality)}, which is not answered here"


def _raw(facts: FilmFacts, films: Films) -> str:
    raw = facts.intent.upper() == "FOR PROCESSING" or facts.sop_class == DigitalXRayImageStorageForProcessing
    return "raw data of a detector (FOR PROCESSING)" if raw else ""


def _secondary(facts: FilmFacts, films: Films) -> str:
    made = [each.upper() for each in facts.image_type[:2]] == ["DERIVED", "SECONDARY"]
    return "made from another film (DERIVED, SECONDARY)" if made and "SC" not in films.modalities else ""


def _frames(facts: FilmFacts, films: Films) -> str:
    return "of several frames" if facts.frames > 1 else ""


def _phantom(facts: FilmFacts, films: Films) -> str:
    words = " ".join((facts.body_part, facts.patient, facts.name, facts.station, *facts.described)).upper()
    return "of a phantom" if facts.quality_control or "PHANTOM" in words else ""


def _body_part(facts: FilmFacts, films: Films) -> str:
    part = other_part(facts)
    return f"of another part of the body than the chest ({_term(part)})" if part else ""


def _view(facts: FilmFacts, films: Films) -> str:
    return "a lateral film" if is_lateral(facts) else ""


_RULES = (_modality, _raw, _secondary, _frames, _phantom, _body_part, _view)


def _term(text: str) -> str:
    return text if _TERM.fullmatch(text) else "unknown"
