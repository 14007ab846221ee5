"""Ages as films and tables say them, and as dates give them."""

from __future__ import annotations

import pytest

from hilum.records.ages import age_at, known_age


@pytest.mark.parametrize(
    ("born", "taken", "age"),
    [
        ("20200229", "20210228", "011M"),
        ("20200229", "20210301", "012M"),
        ("20200101", "20200131", "030D"),
        ("20200101", "20200201", "001M"),
        ("20200101", "20211231", "023M"),
        ("20200101", "20220101", "002Y"),
        ("19500101", "20260101", "076Y"),
        ("1950.01.01", "2026.01.01", "076Y"),
        ("20260102", "20260101", ""),
        ("", "20260101", ""),
        ("20261301", "20270101", ""),
        ("00000000", "20270101", ""),
    ],
)
def test_an_age_is_counted_from_the_dates(born: str, taken: str, age: str) -> None:
    assert age_at(born, taken) == age


@pytest.mark.parametrize(
    ("age", "born", "taken", "known"),
    [
        ("071Y", "20190101", ["20240102"], "071Y"),
        ("000Y", "19500101", ["20240102"], "000Y"),
        ("", "19500101", ["", "20240102"], "074Y"),
        ("abc", "19500101", ["20240102"], "074Y"),
        ("999Y", "19500101", ["20240102"], "074Y"),
        ("", "18000101", ["20240102"], ""),
        ("", "19500101", [], ""),
        ("abc", "", ["20240102"], "abc"),
    ],
)
def test_a_film_that_says_no_age_of_a_person_has_the_age_of_its_dates(
    age: str, born: str, taken: list[str], known: str
) -> None:
    assert known_age(age, born, taken) == known
