from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import LayoutError
from hilum.films.names import Name, NameReader, compile_pattern, read_name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("person1000_bacteria_2931.jpeg", Name("person1000_bacteria", "bacteria")),
        ("person1004_virus_1686.jpeg", Name("person1004_virus", "virus")),
        ("person447_virus_921_1.jpeg", Name("person447_virus", "virus")),
        ("IM-0115-0001.jpeg", Name("IM-0115")),
        ("IM-0309-0001-0002.jpeg", Name("IM-0309")),
        ("NORMAL2-IM-1427-0001.jpeg", Name("NORMAL2-IM-1427")),
        ("NORMAL2-IM-0587-0001-0002.jpeg", Name("NORMAL2-IM-0587")),
        ("BACTERIA-7422-0001.jpeg", Name("7422", "bacteria")),
        ("VIRUS-3637528-0002.jpeg", Name("3637528", "virus")),
        ("NORMAL-28501-0001.jpeg", Name("28501")),
    ],
)
def test_kermanys_names_carry_the_patient_and_the_cause(file: str, name: Name) -> None:
    assert read_name(file) == name
    assert read_name(f"some/folder/{file}") == name


def test_persons_with_bacteria_and_with_a_virus_are_numbered_apart() -> None:
    assert read_name("person7_bacteria_1.jpeg").patient != read_name("person7_virus_1.jpeg").patient


@pytest.mark.parametrize(
    "file",
    ["00000165_001.png", "person_bacteria_1.jpeg", "person1_fungus_2.jpeg", "IM-0115.jpeg", "xIM-0115-0001.jpeg", ""],
)
def test_any_other_name_says_nothing(file: str) -> None:
    assert read_name(file) == Name()


@given(st.text())
def test_no_name_crashes(file: str) -> None:
    name = read_name(file)
    assert name.subtype in ("", "bacteria", "virus")
    assert name.patient in file


def test_a_pattern_replaces_the_known_patients_but_not_the_cause() -> None:
    naming = NameReader(compile_pattern(r"(?P<patient>p\d+)/"))
    assert naming.read("p12/person1_virus_6.jpeg") == Name("p12", "virus")
    assert naming.read("person1_virus_6.jpeg") == Name("", "virus")
    assert NameReader(compile_pattern(r"(?:(?P<patient>p\d+)|x)")).read("x") == Name()


@pytest.mark.parametrize(
    ("pattern", "says"), [("(", "not a regular expression"), (r"p\d+", "no group"), ("", "no group")]
)
def test_a_bad_pattern_is_refused(pattern: str, says: str) -> None:
    with pytest.raises(LayoutError, match=says):
        compile_pattern(pattern)
