"""The region that a finding is tied to: closed, on the film, and not of five points, which OHIF takes for its own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.pacs.records import AnsweredFilm, Point
from hilum.pacs.reports.outline import region_outline
from hilum.records import Film, Prediction
from tests.pacs.reports.contents import LUNGS

SIZE = (256, 224)
WHOLE = {(0.0, 0.0), (224.0, 0.0), (224.0, 256.0), (0.0, 256.0)}


def answered(outline: tuple[Point, ...] = (), region: tuple[int, int, int, int] | None = None) -> AnsweredFilm:
    return AnsweredFilm(Prediction(Film(""), shape=SIZE), outline, region)


def test_the_lung_field_comes_first_and_is_closed() -> None:
    line = region_outline(answered(LUNGS, (0, 0, 9, 9)), SIZE)
    assert line == (*LUNGS, LUNGS[0])
    many = tuple((112 + 80 * math.cos(turn), 128 + 90 * math.sin(turn)) for turn in range(40))
    assert region_outline(answered(many), SIZE) == (*many, many[0])


def test_then_the_part_that_the_detector_was_shown_then_the_whole_film() -> None:
    assert {(10.0, 20.0), (210.0, 220.0)} < set(region_outline(answered(region=(20, 10, 220, 210)), SIZE))
    assert set(region_outline(answered(), SIZE)) > WHOLE
    assert set(region_outline(answered(region=(5, 5, 5, 5)), (0, 0))) > WHOLE
    nothing = AnsweredFilm(Prediction(Film("")))
    assert region_outline(nothing, (0, 0)) == ()


@pytest.mark.parametrize("outline", [((1.0, 1.0),) * 9, ((0.0, 0.0), (9.0, 9.0)), ((math.nan, 1.0), (2.0, math.inf))])
def test_a_line_without_an_area_is_no_lung_field(outline: tuple[Point, ...]) -> None:
    assert set(region_outline(answered(outline), SIZE)) > WHOLE


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=20), st.tuples(*[st.integers(-500, 500)] * 4))
def test_whatever_comes_the_line_is_on_the_film(points: list[Point], region: tuple[int, int, int, int]) -> None:
    line = region_outline(answered(tuple(points), region), SIZE)
    assert line[0] == line[-1]
    assert len(line) > 3
    assert len(line) != 5
    assert all(0 <= column <= 224 and 0 <= row <= 256 for column, row in line)
