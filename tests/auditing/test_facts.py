"""Facts become columns: words as numbers, constants left out, what is unknown left unknown."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.auditing.facts import FILE_GROUPS, GROUPS, PICTURE_GROUPS, file_facts, grouped, picture_facts
from hilum.auditing.header import Header
from tests.auditing.conftest import film


def test_a_fact_that_is_the_same_everywhere_tells_nothing() -> None:
    films = [{"width": 10.0, "height": 5.0, "maker": maker, "quality": 75.0} for maker in ("B", "", "A")]
    (group,) = grouped(films, FILE_GROUPS)
    assert (group.name, group.facts) == ("metadata", ("maker",))
    assert group.values.tolist() == [[2.0], [0.0], [1.0]]


def test_what_a_format_does_not_say_is_unknown_and_may_tell_something() -> None:
    jpeg = file_facts(Header("JPEG", 20, 10, 8, 1, file_bytes=100, quality=75, quantisation=8.0))
    array = file_facts(Header("array", 20, 10, 8, 1))
    assert jpeg["bytes_per_pixel"] == 0.5
    assert jpeg["aspect"] == 2
    assert "bytes_per_pixel" not in array
    columns = {group.name: group for group in grouped([jpeg, array], GROUPS)}
    assert set(columns) == {"JPEG quantisation", "encoding", "bytes per pixel"}
    assert columns["JPEG quantisation"].values == pytest.approx(np.array([[75, 8], [np.nan, np.nan]]), nan_ok=True)


def test_every_fact_of_a_picture_has_its_group() -> None:
    facts = picture_facts(film(1))
    assert set(facts) == {fact for group in PICTURE_GROUPS.values() for fact in group}
    assert set(file_facts(Header("JPEG", 1, 1, 8, 1, 1, 1.0, 1, 1, False, 1, 1.0))) == {
        fact for group in FILE_GROUPS.values() for fact in group
    } | {"bytes_per_pixel"}
