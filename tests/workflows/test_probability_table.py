"""Another model's probabilities are read as predictions, and what is no such table is refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.errors import LayoutError, RequestError
from hilum.records import Film, Manifest
from hilum.workflows.probability_table import is_table, read_probability_table

FILMS = Manifest((Film("a.png", "NORMAL", patient="p1"), Film("b.png", "PNEUMONIA", subtype="virus", patient="p2")))


def table(folder: Path, *lines: str, name: str = "other.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_labels_come_from_the_films_and_probabilities_from_the_table(tmp_path: Path) -> None:
    path = table(tmp_path, "path,prob_PNEUMONIA,prob_NORMAL,label", "b.png,0.9,0.1,NORMAL", "a.png,0.5,0.5,PNEUMONIA")
    predictions = read_probability_table(path).predictions(FILMS)
    assert predictions.classes == ("NORMAL", "PNEUMONIA")  # the plainly negative one first, as everywhere
    assert predictions.threshold == 0.5
    assert [row.film for row in predictions] == list(FILMS)
    assert [row.probs for row in predictions] == [(0.5, 0.5), (0.1, 0.9)]
    assert [row.prediction for row in predictions] == ["PNEUMONIA", "PNEUMONIA"]
    assert read_probability_table(path).predictions(FILMS, 0.6).rows[0].prediction == "NORMAL"


def test_without_films_the_table_has_its_own_labels(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label,patient,prob_A,prob_B,prob_C", "x,B,p,0.2,0.3,0.5", "y,C,q,0.2,0.5,0.3")
    predictions = read_probability_table(path).predictions()
    assert [row.film for row in predictions] == [Film("x", "B", patient="p"), Film("y", "C", patient="q")]
    assert [row.prediction for row in predictions] == ["C", "B"]
    assert predictions.threshold is None
    bare = table(tmp_path, "path,prob_A,prob_B", "x,0.2,0.8", name="bare.csv")
    with pytest.raises(LayoutError, match=r"bare\.csv: has no labels; add a column 'label'"):
        read_probability_table(bare).predictions()


def test_films_are_found_by_any_way_of_writing_their_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    films = Manifest(tuple(Film(f"films/{name}.png", "A") for name in "abc"))
    absolute = table(tmp_path, "path,prob_A,prob_B", *(f"{tmp_path}/films/{name}.png,0.2,0.8" for name in "abc"))
    beside = table(tmp_path / "elsewhere", "path,prob_A,prob_B", *(f"../films/{name}.png,0.2,0.8" for name in "abc"))
    for path in (absolute, beside):
        assert len(read_probability_table(path).predictions(films)) == 3


def test_a_table_of_subtypes_is_compared_with_the_films_subtypes(tmp_path: Path) -> None:
    path = table(tmp_path, "path,prob_NORMAL,prob_bacteria,prob_virus", "a.png,0.8,0.1,0.1", "b.png,0.1,0.3,0.6")
    predictions = read_probability_table(path).predictions(FILMS)
    assert [row.film.label for row in predictions] == ["NORMAL", "virus"]


def test_classes_take_another_order_where_they_are_the_same(tmp_path: Path) -> None:
    read = read_probability_table(table(tmp_path, "path,prob_A,prob_B", "x,0.2,0.8"))
    assert (read.reordered(("B", "A")).classes, read.reordered(("B", "A")).probs) == (("B", "A"), ((0.8, 0.2),))
    assert read.reordered(("B", "C")) is read


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("file,prob_A,prob_B", "x,0.2,0.8"), "has no column 'path'"),
        (("path,A,B", "x,0.2,0.8"), "needs a column prob_CLASS for each class.*and has none"),
        (("path,prob_A", "x,0.2"), "and has prob_A"),
        (("path,prob_A,prob_A,prob_B", "x,0.2,0.2,0.8"), "names prob_A twice"),
        (("path,prob_A,prob_B",), "lists no film"),
        (("path,prob_A,prob_B", "x,0.2,0.8", "y,0.2"), "line 3 has more or fewer fields"),
        (("path,prob_A,prob_B", "x,0.2,0.8", "y,0.2,0.8", "./x,0.1,0.9"), r"lines 2 and 4 both list \./x"),
        (("path,prob_A,prob_B", "x,-1.5,2.5"), "line 2 has -1.5 in prob_A; a probability lies from 0 to 1"),
        (("path,prob_A,prob_B", "x,nan,0.5"), "line 2 has nan in prob_A"),
        (("path,prob_A,prob_B", "x,,0.5"), "line 2 has '' in prob_A, which is no number"),
        (("path,prob_A,prob_B", "x,0.2,0.9"), "probabilities of line 2 add up to 1.1, and not to 1"),
    ],
)
def test_what_is_no_table_of_probabilities_is_refused(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(LayoutError, match=rf"other\.csv: .*{words}"):
        read_probability_table(table(tmp_path, *lines))


def test_films_that_the_table_lacks_are_named(tmp_path: Path) -> None:
    read = read_probability_table(table(tmp_path, "path,prob_NORMAL,prob_PNEUMONIA", "a.png,0.2,0.8"))
    with pytest.raises(LayoutError, match=r"lacks 1 of 2 films: b\.png; its paths have to be absolute"):
        read.predictions(FILMS)
    with pytest.raises(LayoutError, match=r"no such table"):
        read_probability_table(tmp_path / "gone.csv")


def test_a_threshold_that_is_none_is_refused(tmp_path: Path) -> None:
    two = read_probability_table(table(tmp_path, "path,label,prob_A,prob_B", "x,A,0.2,0.8"))
    with pytest.raises(RequestError, match=r"the threshold is 1\.5; it has to lie from 0 to 1"):
        two.predictions(threshold=1.5)
    three = read_probability_table(table(tmp_path, "path,label,prob_A,prob_B,prob_C", "x,A,0.2,0.8,0"))
    with pytest.raises(RequestError, match="has 3 classes"):
        three.predictions(threshold=0.5)


def test_a_table_is_a_csv_file() -> None:
    assert is_table(Path("a/b.CSV"))
    assert not is_table(Path("runs/s1"))
