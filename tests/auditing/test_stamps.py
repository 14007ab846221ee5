"""A mark on the films of one class is found and its place is named; whiter lungs are no mark."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hilum.auditing.stamps import findings_of, stamps
from tests.auditing.conftest import Grey, films

NUMBER = 80
LABELS = [("NORMAL", "PNEUMONIA")[number % 2] for number in range(NUMBER)]
NOBODY = [""] * NUMBER


@pytest.fixture(scope="module")
def squares() -> Grey:
    return films(NUMBER)


def test_films_without_a_mark_have_none(squares: Grey) -> None:
    assert stamps(squares, LABELS, NOBODY) == []


def test_a_white_square_is_named_with_its_place(squares: Grey) -> None:
    planted = squares.copy()
    planted[1::2, 10:18, 100:108] = 255
    (stamp,) = stamps(planted, LABELS, NOBODY)
    assert (stamp.label, stamp.share, stamp.elsewhere) == ("PNEUMONIA", 1, 0)
    assert stamp.level >= 249
    assert stamp.box == pytest.approx((100 / 128, 10 / 128, 108 / 128, 18 / 128), abs=1 / 128)
    (finding,) = findings_of([stamp], ["NORMAL", "PNEUMONIA"])
    assert (finding.kind, finding.severity) == ("stamp", "error")
    assert "a white mark" in finding.sentence
    assert "at the top right (78% to 84% across, 8% to 14% down)" in finding.sentence
    assert "100% of PNEUMONIA and in 0% of NORMAL" in finding.sentence


def test_a_letter_on_most_films_of_a_class_is_found(squares: Grey) -> None:
    planted = squares.copy()
    for number in range(0, NUMBER, 2):
        if number % 10:
            cv2.putText(planted[number], "L", (10, 110), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 2)
    found = stamps(planted, LABELS, NOBODY)
    assert found
    assert {stamp.label for stamp in found} == {"NORMAL"}
    assert found[0].share == pytest.approx(0.8)
    assert "bottom left" in findings_of(found, ["NORMAL", "PNEUMONIA"])[0].sentence


def test_one_patients_films_count_once(squares: Grey) -> None:
    """Thirty marked films of one patient are one patient's mark."""
    planted = squares.copy()
    planted[1:60:2, 10:18, 100:108] = 255
    patients = ["p" if number % 2 and number < 60 else f"q{number}" for number in range(NUMBER)]
    with pytest.raises(ValueError, match="NORMAL has 40 patients and the other classes 11"):
        stamps(planted, LABELS, patients)
    assert len(stamps(planted, LABELS, NOBODY)) == 1
    more = np.concatenate([planted, films(40)[1::2]])
    labels, people = LABELS + ["PNEUMONIA"] * 20, patients + [f"r{number}" for number in range(20)]
    assert stamps(more, labels, people) == []


@pytest.mark.parametrize("labels", [[], ["A"] * 50, ["A"] * 40 + ["B"] * 10])
def test_too_few_films_to_tell_are_said(squares: Grey, labels: list[str]) -> None:
    with pytest.raises(ValueError, match=r"20 are needed|no labels"):
        stamps(squares[: len(labels)], labels, [""] * len(labels))


def test_a_mark_of_one_of_three_classes(squares: Grey) -> None:
    labels = [("A", "B", "C")[number % 3] for number in range(NUMBER)]
    planted = squares.copy()
    planted[2::3, 60:66, :6] = 0
    (stamp,) = stamps(planted, labels, NOBODY)
    assert stamp.label == "C"
    (finding,) = findings_of([stamp], ["A", "B", "C"])
    assert "a black area (level 0) at the left" in finding.sentence
    assert "of the other classes" in finding.sentence
