"""One class under several names is one class, by case, by known synonyms, and as the user says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum import films
from hilum.errors import LayoutError, RequestError
from hilum.films.class_names import fold, match_classes, merge_spellings, parse_class_names, rename
from hilum.records import Film, Manifest
from tests.films.conftest import Lay


def labelled(*labels: str) -> tuple[Film, ...]:
    return tuple(Film(f"{number}.png", label) for number, label in enumerate(labels))


def merged(*labels: str, **named: tuple[str, ...]) -> list[str]:
    return [film.label for film in merge_spellings(labelled(*labels), named)[0]]


@pytest.mark.parametrize(
    ("labels", "become"),
    [
        (("Normal", "NORMAL", "NORMAL", "Pneumonia"), ("NORMAL", "NORMAL", "NORMAL", "Pneumonia")),
        (("normal ", "normal", "normal"), ("normal", "normal", "normal")),
        (("Lung_Opacity", "lung opacity", "LUNG-OPACITY", "lung opacity"), ("lung opacity",) * 4),
        (("Healthy", "NORMAL", "NORMAL", "No_Finding", "negative"), ("NORMAL",) * 5),
        (("COVID", "Normal", "Viral Pneumonia", ""), ("COVID", "Normal", "Viral Pneumonia", "")),
        (("A", "B"), ("A", "B")),
    ],
)
def test_names_that_differ_by_spelling_or_mean_no_finding_are_one_class(
    labels: tuple[str, ...], become: tuple[str, ...]
) -> None:
    assert merged(*labels) == list(become)


def test_what_was_merged_is_said_with_counts() -> None:
    assert merge_spellings(labelled("Normal", "NORMAL", "NORMAL"))[1] == [
        "one class under several names, NORMAL: NORMAL (2), Normal (1)"
    ]
    assert merge_spellings(labelled("A", "B"))[1] == []


def test_the_user_says_what_no_list_can_know() -> None:
    named = {"PNEUMONIA": ("pneumonia", "lung opacity", "COVID")}
    assert merged("Lung_Opacity", "Covid", "pneumonia", "Normal", **named) == ["PNEUMONIA"] * 3 + ["Normal"]
    assert merged("healthy", "Normal", healthy=("healthy",)) == ["healthy", "Normal"]
    assert rename("Lung_Opacity", named) == "PNEUMONIA"
    assert rename("", named) == ""


@pytest.mark.parametrize(("one", "other"), [("1", "-1"), ("1.0", "-1.0"), ("TB", "TB-"), ("TB+", "TB-"), ("A", "-A")])
def test_signs_are_no_spelling(one: str, other: str) -> None:
    assert merged(one, other) == [one, other]


def test_two_named_classes_of_which_one_is_negative_are_all_there_are() -> None:
    both = {"NORMAL": ("no finding",), "PNEUMONIA": ("pneumonia",)}
    films, notes = merge_spellings(labelled("No Finding", "Pneumonia", "Edema", "Edema", "Mass"), both)
    assert [film.label for film in films] == ["NORMAL", "PNEUMONIA", "", "", ""]
    assert "3 films unlabelled, of classes that --class does not name: Edema (2), Mass (1)" in notes


def test_two_names_that_may_be_one_finding_or_two_are_a_question() -> None:
    with pytest.raises(LayoutError, match=r"are Lung_Opacity and Pneumonia one class or two\?"):
        merged("Normal", "Pneumonia", "Lung_Opacity")
    assert merged("Pneumonia", "Lung_Opacity", Lung_Opacity=("Lung_Opacity",)) == ["Pneumonia", "Lung_Opacity"]
    assert merged("Pneumonia", "Lung_Opacity", Pneumonia=("Lung_Opacity",)) == ["Pneumonia", "Pneumonia"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["PNEUMONIA"], "write the class, then the names"),
        (["=pneumonia"], "write the class, then the names"),
        (["A="], "write the class, then the names"),
        (["A=x", "B=X"], "gives 'X' to A and to B"),
        (["A=b", "B=c"], "to A and to B|to B and to A"),
    ],
)
def test_an_option_that_says_nothing_or_two_things_is_refused(options: list[str], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        parse_class_names(options)


def test_a_name_that_no_film_has_is_refused_or_said() -> None:
    with pytest.raises(RequestError, match="no film has the class opacty; the films have: Normal, opacity"):
        merge_spellings(labelled("Normal", "opacity"), {"PNEUMONIA": ("opacty",)})
    notes = merge_spellings(labelled("Normal", "opacity"), {"PNEUMONIA": ("opacity", "lobar")})[1]
    assert "no film has the class lobar, which --class gives to PNEUMONIA" in notes


@given(st.text(), st.sampled_from([str.upper, str.lower, str.title, lambda name: f" {name}_"]))
def test_spelling_does_not_change_what_a_name_folds_to(name: str, respell: object) -> None:
    assert fold(fold(name)) == fold(name)
    if name.isascii():
        assert callable(respell)
        assert fold(respell(name)) == fold(name)


class TestMatching:
    """Films under the names of a detector's classes."""

    CLASSES = ("NORMAL", "PNEUMONIA")

    def match(self, *labels: str, asked: tuple[str, ...] = ()) -> list[str]:
        return [film.label for film in match_classes(Manifest(labelled(*labels)), self.CLASSES, asked).manifest]

    @pytest.mark.parametrize(
        "labels", [("Normal", "pneumonia"), ("healthy", "Pneumonia "), ("No_Finding", "lung opacity")]
    )
    def test_case_and_synonyms_are_matched_and_said(self, labels: tuple[str, str]) -> None:
        assert self.match(*labels) == list(self.CLASSES)
        (note,) = match_classes(Manifest(labelled(*labels)), self.CLASSES).notes
        assert f"{labels[1]} as PNEUMONIA" in note

    def test_what_is_the_same_or_unknown_stays(self) -> None:
        assert self.match("NORMAL", "cat", "COVID", "") == ["NORMAL", "cat", "COVID", ""]
        assert match_classes(Manifest(labelled("NORMAL", "PNEUMONIA")), self.CLASSES).notes == ()

    def test_the_films_own_names_in_the_detectors_order(self) -> None:
        assert self.match("ill", "well", "COVID", "", asked=("well", "ill")) == ["PNEUMONIA", "NORMAL", ""]
        notes = match_classes(Manifest(labelled("ill", "well", "COVID")), self.CLASSES, ("well", "ill")).notes
        assert notes[1] == "1 film left out, of classes that --classes does not name: COVID (1)"
        with pytest.raises(RequestError, match="no film has the class sick; the films have: ill, well"):
            self.match("ill", "well", asked=("well", "sick"))
        with pytest.raises(RequestError, match="names 1 class, and the detector has NORMAL, PNEUMONIA"):
            self.match("ill", "well", asked=("well",))


def test_folders_of_one_class_in_two_spellings_become_one_class(lay: Lay) -> None:
    root = lay("NORMAL/1.png", "Normal/2.png", "NORMAL/3.png", "PNEUMONIA/4.png", "Pneumonia/5.png")
    index = films.index(root, cut=False)
    assert index.labels == ("NORMAL", "PNEUMONIA")
    assert sum(note.startswith("one class under several names") for note in index.notes) == 2
    splits = films.index(lay("train/NORMAL/1.png", "test/Normal/3.png", "test/NORMAL/4.png", root="b"), cut=False)
    assert splits.labels == ("NORMAL",)


def test_a_manifest_that_hilum_wrote_keeps_its_names(lay: Lay) -> None:
    from hilum.records import write_manifest

    root = lay("a.png", "b.png")
    listed = Manifest(
        (Film(str(root / "a.png"), "Normal", split="train"), Film(str(root / "b.png"), "NORMAL", split="val"))
    )
    write_manifest(listed, root / "manifest.csv")
    assert films.index(root / "manifest.csv").labels == ("NORMAL", "Normal")
    assert films.index(root / "manifest.csv", class_names={"NORMAL": ["normal"]}).labels == ("NORMAL",)
