"""Which films are answered; every other one has its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.gate import Reason
from hilum.pacs import checks
from hilum.pacs.checks import left_alone_after, sort_out
from hilum.pacs.facts import read_facts
from hilum.pacs.identity import derived_uid
from hilum.pacs.records import AnsweredFilm, FilmFacts
from hilum.pacs.reports import codes
from hilum.pacs.settings import Films
from hilum.records import NOT_JUDGED, Film, Prediction

MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"
CHEST = {"modality": "DX", "body_part": "CHEST", "view": "AP", "instance": "1.2.3"}


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"body_part": ""},
        {"body_part": "Thorax"},
        {"view": "LLD"},  # a decubitus is a frontal film
        {"modality": "CR", "image_type": ("DERIVED", "PRIMARY")},  # as every DX for presentation
        {"modality": "", "sop_class": "1.2.840.10008.5.1.4.1.1.1"},
        {"modality": "DR", "sop_class": "1.2.840.10008.5.1.4.1.1.1.1"},  # none of the standard's: the class counts
        {"modality": "rx", "sop_class": ""},
        {"age": ""},
        {"rows": 0, "columns": 0},
    ],
)
def test_a_frontal_chest_film_is_answered(facts: dict[str, object]) -> None:
    assert sort_out(FilmFacts(**{**CHEST, **facts}), Films()) == ("received", "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"modality": "MR"}, "of modality MR, which is not answered here"),
        ({"modality": "RF"}, "of modality RF, which is not answered here"),
        ({"modality": "XR", "sop_class": MAMMOGRAPHY}, "of modality MG, which is not answered here"),
        ({"modality": "DOE^JANE 1970"}, "of modality unknown, which is not answered here"),
        ({"modality": ""}, "of modality unknown, which is not answered here"),
        ({"intent": "FOR PROCESSING"}, "raw data of a detector (FOR PROCESSING)"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.1.1.1"}, "raw data of a detector (FOR PROCESSING)"),
        ({"image_type": ("DERIVED", "SECONDARY", "CAD")}, "made from another film (DERIVED, SECONDARY)"),
        ({"frames": 12}, "of several frames"),
        ({"body_part": "PHANTOM"}, "of a phantom"),
        ({"patient": "QA Phantom 3"}, "of a phantom"),
        ({"name": "Phantom^QA"}, "of a phantom"),
        ({"described": ("Anthropomorphic phantom",)}, "of a phantom"),
        ({"quality_control": True}, "of a phantom"),
        ({"view": "", "view_code": ("399173006", "left lateral")}, "a lateral film"),
        ({"body_part": "", "region": ("85562004", "Hand")}, "of another part of the body than the chest (HAND)"),
        ({"body_part": "EXTREMITY"}, "of another part of the body than the chest (EXTREMITY)"),
        ({"body_part": "Jane Doe's hand"}, "of another part of the body than the chest (unknown)"),
        ({"view": "LL"}, "a lateral film"),
        ({"view": "RL"}, "a lateral film"),
    ],
)
def test_what_a_node_is_not_for_is_left_alone_with_its_reason(facts: dict[str, object], why: str) -> None:
    assert sort_out(FilmFacts(**{**CHEST, **facts}), Films()) == ("left alone", why)  # type: ignore[arg-type]


def test_other_modalities_are_answered_where_they_are_named() -> None:
    facts = FilmFacts(modality="SC", image_type=("DERIVED", "SECONDARY"))
    assert sort_out(facts, Films(modalities=("SC",))).state == "received"
    assert sort_out(FilmFacts(modality="RF"), Films(modalities=("RF",))).state == "received"


@pytest.mark.parametrize(
    "facts",
    [
        {"instance": derived_uid("0" * 64, "report"), "modality": "SR"},
        {"series": derived_uid("1.2", "capture"), "modality": "OT"},
        {"manufacturer": codes.MANUFACTURER, "modality": "DX"},
    ],
)
def test_a_result_that_comes_back_is_ignored(facts: dict[str, str]) -> None:
    assert sort_out(FilmFacts(**facts), Films(report_others=True)) == ("ignored", "a result of a node")  # type: ignore[arg-type]


def test_an_adult_by_the_header_is_left_alone_unless_reports_on_others_are_asked_for() -> None:
    row = Prediction(Film(""), answer=NOT_JUDGED, flags=(str(Reason.ADULT_BY_HEADER),))
    assert left_alone_after(AnsweredFilm(row), Films())
    assert not left_alone_after(AnsweredFilm(row), Films(report_others=True))
    looks = Prediction(Film(""), answer=NOT_JUDGED, flags=(str(Reason.ADULT),))
    assert not left_alone_after(AnsweredFilm(looks), Films())  # this is a judgement, which a report has to say


def test_real_films_are_sorted_out(shared: Path) -> None:
    """RG1 is an adult's chest, which the detector itself has to say; RG3 is a hand."""
    chest, hand = (read_facts(shared / "data" / "dicom" / name) for name in ("RG1_J2KI.dcm", "RG3_J2KR.dcm"))
    assert sort_out(chest, Films()).state == "received"
    assert sort_out(hand, Films()).why == "of another part of the body than the chest (EXTREMITY)"


def test_the_manufacturer_is_the_one_that_results_name() -> None:
    assert checks.OWN_MANUFACTURER == codes.MANUFACTURER
