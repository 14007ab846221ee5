"""Films that differ from the others are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hilum.auditing.outliers import find_outliers, findings_of
from tests.auditing.conftest import Grey, films

ODD: dict[str, tuple[Callable[[Grey], Grey], str]] = {
    "a quarter to the right": (lambda grey: np.rot90(grey, 3), "rotated by 90 degrees clockwise"),
    "a quarter to the left": (lambda grey: np.rot90(grey), "rotated by 90 degrees anticlockwise"),
    "upside down": (lambda grey: grey[::-1], "upside down"),
    "half a turn": (lambda grey: grey[::-1, ::-1], "upside down"),
    "inverted": (lambda grey: 255 - grey, "inverted"),
    "noise": (lambda grey: np.random.default_rng(0).integers(0, 256, grey.shape).astype(np.uint8), "unlike"),
}


@pytest.fixture(scope="module")
def squares() -> Grey:
    return films(60)


def test_ordinary_films_are_not_odd(squares: Grey) -> None:
    assert find_outliers(squares) == {}


@pytest.mark.parametrize(("change", "name"), ODD.values(), ids=ODD)
def test_odd_films_are_named(squares: Grey, change: Callable[[Grey], Grey], name: str) -> None:
    planted = squares.copy()
    planted[[11, 40]] = [change(squares[11]), change(squares[40])]
    assert find_outliers(planted) == {name: [11, 40]}


def test_what_is_found_says_how_to_fix_it() -> None:
    found = findings_of({"upside down": [1], "inverted": [0, 2], "unlike": [3]}, list("abcd"))
    assert [(finding.kind, finding.films) for finding in found] == [
        ("turned", ("b",)), ("inverted", ("a", "c")), ("no_chest", ("d",)),
    ]  # fmt: skip
    assert found[0].sentence == "1 film seems upside down: b; look at them, and rotate such films upright"
    assert all(finding.severity == "warning" for finding in found)


def test_a_few_films_do_not_say_what_is_usual(squares: Grey) -> None:
    with pytest.raises(ValueError, match="10 films; 30 are needed"):
        find_outliers(squares[:10])
