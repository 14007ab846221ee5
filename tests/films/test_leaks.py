"""A patient, or a film, in two splits: told when films are indexed, and refused by whoever trains on them."""

from __future__ import annotations

import pytest

from hilum.errors import LayoutError
from hilum.films import leaks, refuse_leaks
from hilum.films.contents import EMPTY
from hilum.films.leaks import describe_leaks
from hilum.records import Film, Manifest

FILMS = (
    Film("a", "A", "", "p1", "train", "1"),
    Film("b", "A", "", "p1", "val", "2"),
    Film("c", "A", "", "p1", "test", "3"),
    Film("d", "A", "", "", "test", "1"),
    Film("e", "A", "", "", "train", "4"),
)


def test_leaks_are_told() -> None:
    notes = describe_leaks(FILMS)
    assert len(notes) == 5
    assert all(note.startswith("LEAK: 1 ") for note in notes[:4])
    assert notes[4].startswith("2 films of unknown patients")
    assert "numbering restarts" in notes[1]
    assert notes[2] == "LEAK: 1 film of test also in train, byte for byte: d"


def test_each_leak_names_whom_it_is_about_and_both_splits() -> None:
    found = leaks(Manifest(FILMS))
    assert [(leak.what, leak.name, leak.splits) for leak in found] == [
        ("patient", "p1", ("train", "val")),
        ("patient", "p1", ("train", "test")),
        ("film", "d", ("train", "test")),
        ("patient", "p1", ("val", "test")),
    ]
    assert [film.path for film in found[2].films] == ["a", "d"]


def test_what_is_unknown_is_no_leak() -> None:
    films = [
        Film("a", split="train", sha256=EMPTY), Film("b", split="val", sha256=EMPTY), Film("c", split="train"),
        Film("d", split="val"), Film("e", patient="p", split="train", sha256="1"), Film("f", patient="p", sha256="1"),
        Film("g", patient="p", split="train", sha256="1"),
    ]  # fmt: skip
    assert leaks(films) == ()
    refuse_leaks(Manifest(tuple(films)))


def test_training_refuses_a_leak_and_says_whose_it_is() -> None:
    with pytest.raises(LayoutError) as refused:
        refuse_leaks(Manifest(FILMS))
    line = str(refused.value)
    assert line.startswith("patient p1 has films in train (a) and in val (b) (likewise 1 film): val would look")
    assert "leaks_allowed" in line
    assert "\n" not in line
    with pytest.raises(LayoutError, match=r"^one film is, byte for byte, in train \(a\) and in test \(d\): test"):
        refuse_leaks(Manifest(FILMS[::3]))


def test_a_leak_is_allowed_in_words_only() -> None:
    refuse_leaks(Manifest(FILMS), "two patients of one name")
    with pytest.raises(LayoutError):
        refuse_leaks(Manifest(FILMS), "  ")


def test_a_patients_number_in_test_is_no_reason_not_to_learn() -> None:
    refuse_leaks(Manifest((FILMS[0], FILMS[2], FILMS[4])))
