"""A folder of films in which a table of its owner's lists them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum import films
from hilum.errors import LayoutError
from tests.films.conftest import Lay


def write(root: Path, name: str, *lines: str, encoding: str = "utf-8") -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes("\n".join(lines).encode(encoding))
    return root / name


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("folder", ["images/", "", "data/pictures/"])
def test_the_one_table_that_lists_the_films_is_read_and_named(
    lay: Lay, mark: str, encoding: str, folder: str
) -> None:
    root = lay(f"{folder}a.png", f"{folder}b.png")
    table = write(
        root, "films.csv", f"image{mark}label", f"a.png{mark}Normal", f"b.png{mark}Pneumonia", encoding=encoding
    )
    index = films.index(root, cut=False)
    assert [(Path(film.path).name, film.label) for film in index] == [("a.png", "Normal"), ("b.png", "Pneumonia")]
    assert index.notes == (f"{root}: read by its table {table}",)


def test_of_several_tables_the_one_whose_films_are_there_is_read(lay: Lay) -> None:
    root = lay("images/a.png", "images/b.png")
    write(root, "a_source.csv", "image,label", "x.png,Normal", "y.png,Pneumonia")
    write(root, "films.csv", "image,label", "a.png,Normal", "b.png,Pneumonia")
    write(root, "readers.csv", "reader,minutes", "A,3")
    assert {film.label for film in films.index(root, cut=False)} == {"Normal", "Pneumonia"}


def test_tables_of_different_films_are_read_together_and_their_names_give_the_splits(lay: Lay) -> None:
    root = lay("train/a.png", "train/b.png", "test/c.png", "test/d.png")
    write(root, "train.csv", "image,label", "a.png,Normal", "b.png,Pneumonia")
    write(root, "test_set.csv", "image,label", "c.png,Normal", "d.png,Pneumonia")
    index = films.index(root, cut=False)
    assert {(Path(film.path).name, film.split) for film in index} == {
        ("a.png", "train"), ("b.png", "train"), ("c.png", "test"), ("d.png", "test"),
    }  # fmt: skip


def test_tables_in_the_folders_of_splits_give_those(lay: Lay) -> None:
    root = lay("train/a.jpg", "train/b.jpg", "valid/c.jpg", "valid/d.jpg")
    write(root, "train/_classes.csv", "filename,normal,pneumonia", "a.jpg,1,0", "b.jpg,0,1")
    write(root, "valid/_classes.csv", "filename,normal,pneumonia", "c.jpg,1,0", "d.jpg,0,1")
    index = films.index(root, cut=False)
    assert [(Path(film.path).name, film.label, film.split) for film in index] == [
        ("a.jpg", "NORMAL", "train"), ("b.jpg", "PNEUMONIA", "train"), ("c.jpg", "NORMAL", "val"),
        ("d.jpg", "PNEUMONIA", "val"),
    ]  # fmt: skip
    assert not any("was not used" in note or "no row has" in note for note in index.notes)


def test_accents_are_one_letter_or_two(lay: Lay) -> None:
    """macOS writes the names of files with each accent as a character of its own."""
    root = lay("images/Mu\u0308ller.png", "images/b.png")
    write(root, "labels.csv", "image,label", "M\u00fcller.png,Normal", "b.png,Pneumonia")
    assert [film.label for film in films.index(root, cut=False)] == ["Normal", "Pneumonia"]


def test_of_tables_of_the_same_films_one_is_to_be_named(lay: Lay) -> None:
    root = lay("images/a.png", "images/b.png")
    for name in ("one.csv", "two.csv"):
        write(root, name, "image,label", "a.png,Normal", "b.png,Pneumonia")
    with pytest.raises(LayoutError, match=r"several tables list the same films \(.*one\.csv, .*two\.csv\)"):
        films.index(root, cut=False)


def test_a_form_for_answers_gives_no_labels(lay: Lay) -> None:
    """Kaggle's `sample_submission.csv` has a label for each film of the test, all of them invented."""
    root = lay("train_images/a.png", "train_images/b.png", "test_images/c.png")
    write(root, "train.csv", "file_name,label", "a.png,Normal", "b.png,Pneumonia")
    write(root, "sample_submission.csv", "file_name,label", "c.png,Normal")
    index = films.index(root, cut=False)
    assert {Path(film.path).name for film in index} == {"a.png", "b.png"}
    assert any("1 film left out, which" in note for note in index.notes)


def test_masks_beside_the_films_are_not_what_the_table_means(lay: Lay) -> None:
    root = lay("images/a.png", "images/b.png", "masks/a.png", "masks/b.png")
    write(root, "labels.csv", "image,label", "a.png,Normal", "b.png,Pneumonia")
    index = films.index(root, cut=False)
    assert {Path(film.path).parent.name for film in index} == {"images"}
    assert any("2 files left out, masks" in note for note in index.notes)


def test_a_table_of_predictions_beside_the_films_is_not_their_labels(lay: Lay) -> None:
    root = lay("a.png", "b.png")
    write(root, "predictions.csv", "path,label,prob_NORMAL,prediction", "a.png,,0.1,NORMAL", "b.png,,0.2,NORMAL")
    with pytest.raises(LayoutError, match="a table that Hilum wrote"):
        films.index(root, cut=False)
    write(root, "labels.csv", "image,label", "a.png,Normal", "b.png,Pneumonia")
    assert {film.label for film in films.index(root, cut=False)} == {"Normal", "Pneumonia"}


def test_folders_of_classes_come_before_a_table(lay: Lay) -> None:
    root = lay("A/a.png", "B/b.png")
    write(root, "labels.csv", "image,label", "a.png,Normal", "b.png,Pneumonia")
    assert {film.label for film in films.index(root, cut=False)} == {"A", "B"}


def test_a_table_that_cannot_be_read_is_told(lay: Lay) -> None:
    root = lay("images/a.png")
    write(root, "labels.csv", "image,label", "Röntgen.png,Normal", encoding="latin-1")
    with pytest.raises(LayoutError, match=r"the table in it was tried: .*labels\.csv: not UTF-8 text"):
        films.index(root, cut=False)


def test_a_column_is_named_for_the_table_in_a_folder(lay: Lay) -> None:
    root = lay("images/1.png", "images/2.png")
    write(root, "labels.csv", "id,reading", "1,Normal", "2,Pneumonia")
    index = films.index(root, path_column="id", label_column="reading", cut=False)
    assert [film.label for film in index] == ["Normal", "Pneumonia"]


def test_a_refusal_says_what_was_left_out_before(lay: Lay) -> None:
    root = lay("A/images/1.png", "A/masks/1.png", "B/images/2.png", "B/masks/2.png")
    with pytest.raises(LayoutError, match="without a known patient") as refused:
        films.index(root)
    assert any("2 files left out, masks" in note for note in refused.value.__notes__)


def test_a_table_beside_folders_of_classes_that_knows_the_patients_is_named(lay: Lay) -> None:
    root = lay("A/a.png", "B/b.png")
    write(root, "metadata.csv", "filename,patient_id,age", "a.png,P1,50", "b.png,P2,60")
    write(root, "notes.csv", "filename,remark", "a.png,rotated")
    (note,) = [note for note in films.index(root, cut=False).notes if "not read" in note]
    assert note.startswith(f"{root}/metadata.csv: not read")
    assert "a column of patients ('patient_id')" in note
