"""Which classes are told apart: said by the recipe, or read from the films where that is plain."""

from __future__ import annotations

import pytest

from hilum.errors import LayoutError, RequestError
from hilum.films import choose_classes
from hilum.records import Film, Manifest


def films(*labels: str, val: tuple[str, ...] | None = None) -> Manifest:
    """A film of each label in train, and in val too unless others are named."""
    splits = {"train": labels, "val": labels if val is None else val}
    return Manifest(tuple(Film(f"{s}-{name}.png", name, split=s) for s, names in splits.items() for name in names))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("NORMAL", "PNEUMONIA"), ("NORMAL", "PNEUMONIA")),
        (("COVID", "Normal"), ("Normal", "COVID")),
        (("healthy", "ill"), ("healthy", "ill")),
        (("bacteria", "virus", "NORMAL"), ("NORMAL", "bacteria", "virus")),
        (("c", "a", "b", "d"), ("a", "b", "c", "d")),
    ],
)
def test_the_class_that_is_plainly_negative_comes_first(labels: tuple[str, ...], classes: tuple[str, ...]) -> None:
    assert choose_classes(films(*labels)) == classes


def test_of_two_classes_somebody_has_to_say_which_is_the_finding() -> None:
    with pytest.raises(RequestError, match="which of left and right"):
        choose_classes(films("left", "right"))
    assert choose_classes(films("left", "right"), ("right", "left")) == ("right", "left")


@pytest.mark.parametrize(
    ("asked_for", "says"), [(("NORMAL",), "are NORMAL; name each once"), (("a", "a"), "are a, a; name each once")]
)
def test_a_detector_tells_two_classes_or_more_apart(asked_for: tuple[str, ...], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        choose_classes(films("a", "NORMAL"), asked_for)


def test_films_of_one_class_are_refused() -> None:
    with pytest.raises(RequestError, match="the films have NORMAL"):
        choose_classes(films("NORMAL"))


def test_a_class_that_only_validation_has_is_refused_by_name() -> None:
    with pytest.raises(LayoutError, match=r"no train film is labelled virus; every class needs films"):
        choose_classes(films("NORMAL", "bacteria", val=("NORMAL", "bacteria", "virus")))


def test_a_class_that_validation_lacks_is_refused_by_name() -> None:
    with pytest.raises(LayoutError, match=r"no val film is labelled virus"):
        choose_classes(films("NORMAL", "bacteria", "virus", val=("NORMAL", "bacteria")))
