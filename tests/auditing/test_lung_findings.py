"""Films whose lungs are not found, are cut off, or lie on their side are findings, each with its path."""

from __future__ import annotations

import numpy as np

from hilum.auditing.lung_findings import LungsSeen, findings_of, seen_of, turned
from hilum.lungs import Lungs

FINE = LungsSeen("", (), 0)
NONE = LungsSeen("it does not look like a frontal chest film", (), 0)
TURNED = LungsSeen("", ("upside down", "only one lung was found"), 180)
CUT = LungsSeen("", ("a lung is cut off at the left border",), 0)


def test_each_kind_is_one_line_with_the_share_and_every_path() -> None:
    none, cut, one = findings_of([FINE, NONE, CUT, TURNED, NONE], list("abcde"))
    assert (none.kind, none.severity, none.films) == ("no_lungs", "warning", ("b", "e"))
    assert none.sentence.startswith("no lungs were found in 2 films (40%): b, e; look at them")
    assert (cut.kind, cut.severity, cut.films) == ("lung_cut_off", "note", ("c",))
    assert cut.sentence.startswith("a lung is cut off at the border of 1 film (20%): c; ")
    assert (one.kind, one.films) == ("one_lung", ("d",))


def test_ordinary_films_and_no_films_give_no_line() -> None:
    assert findings_of([FINE, FINE], ["a", "b"]) == []
    assert findings_of([], []) == []


def test_films_that_seem_rotated_are_named_by_the_words_for_it() -> None:
    right = LungsSeen("", ("rotated by 90 degrees clockwise",), 90)
    assert turned([FINE, TURNED, CUT, right, TURNED]) == {
        "upside down": [1, 4], "rotated by 90 degrees clockwise": [3],
    }  # fmt: skip


def test_everything_but_the_outline_is_kept() -> None:
    found = Lungs(np.ones((4, 4), bool), 0.9, 180, "", ("upside down",))
    assert seen_of(found) == LungsSeen("", ("upside down",), 180)
