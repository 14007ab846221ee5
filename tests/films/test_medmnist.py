from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum import films, pixels
from hilum.errors import LayoutError


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def grey(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 255, (number, 8, 8), dtype=np.uint8)


def classes(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.uint8)[:, None]


def test_films_are_members_with_the_archives_own_splits(tmp_path: Path) -> None:
    path = save(
        tmp_path / "pneumoniamnist_64.npz",
        train_images=grey(3), train_labels=classes(0, 1, 1), test_images=grey(2), test_labels=classes(1, 0),
    )  # fmt: skip
    index = films.index(path, cut=False)
    assert [(film.path.partition("#")[2], film.label, film.split) for film in index] == [
        ("train/0", "NORMAL", "train"),
        ("train/1", "PNEUMONIA", "train"),
        ("train/2", "PNEUMONIA", "train"),
        ("test/0", "PNEUMONIA", "test"),
        ("test/1", "NORMAL", "test"),
    ]
    assert len({film.sha256 for film in index}) == 5


def test_a_member_is_hashed_as_the_pixels_hash_it(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npz", train_images=grey(2), train_labels=classes(0, 1))
    assert [film.sha256 for film in films.index(path, cut=False)] == [
        pixels.hash_film(f"{path}#train/0"),
        pixels.hash_film(f"{path}#train/1"),
    ]


def test_the_same_array_has_the_same_fingerprint(tmp_path: Path) -> None:
    images = np.concatenate([grey(2), grey(2)])
    path = save(tmp_path / "x.npz", train_images=images, train_labels=classes(0, 1, 0, 1))
    one, two, three, four = (film.sha256 for film in films.index(path, cut=False))
    assert (one, two) == (three, four)
    assert one != two


def test_classes_of_an_unknown_archive_keep_their_numbers(tmp_path: Path) -> None:
    path = save(tmp_path / "breastmnist.npz", train_images=grey(2), train_labels=np.array([0, 7]))
    assert films.index(path, cut=False).labels == ("class_0", "class_7")


def test_an_archive_names_no_patients_so_a_cut_asks_for_them(tmp_path: Path) -> None:
    path = save(tmp_path / "pneumoniamnist.npz", train_images=grey(4), train_labels=classes(0, 0, 1, 1))
    with pytest.raises(LayoutError, match="--split-by film"):
        films.index(path)
    assert {film.split for film in films.index(path, split_by="film")} == {"train", "val"}


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": grey(2)}, "expected MedMNIST's arrays .* it holds x"),
        ({"train_images": grey(2)}, "no 'train_labels'"),
        ({"train_images": grey(2), "train_labels": classes(0, 2)}, "row 1 is 2; expected 0 to 1"),
        ({"train_images": grey(2), "train_labels": np.array([0, -1])}, "row 1 is -1"),
        ({"train_images": grey(2), "train_labels": np.array([0.0, 1.0])}, "float64; expected whole class numbers"),
        ({"train_images": grey(2), "train_labels": np.zeros((2, 14), int)}, "14 labels for each film"),
        ({"train_images": grey(3), "train_labels": classes(0, 1)}, "3 films in 'train_images' but 2 labels"),
        ({"train_images": np.zeros(5), "train_labels": classes(0)}, r"float64 of shape \(5,\)"),
        ({"train_images": np.array([{}, []], object), "train_labels": classes(0)}, "pickled"),
    ],
)
def test_an_archive_of_something_else_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    path = save(tmp_path / "pneumoniamnist.npz", **arrays)
    with pytest.raises(LayoutError, match=says):
        films.index(path)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "pneumoniamnist.npz", train_images=grey(9), train_labels=classes(*[0] * 9))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[200] ^= 0xFF  # within the images: the archive's checksum tells
    for content in (b"", b"not an archive", whole[: len(whole) // 2], bytes(damaged)):
        path.write_bytes(content)
        with pytest.raises(LayoutError, match=r"pneumoniamnist\.npz"):
            films.index(path)
    with path.open("wb") as file:
        np.save(file, grey(2))
    with pytest.raises(LayoutError, match="one array, not an archive"):
        films.index(path)


def test_chestmnists_marks_are_findings_that_the_user_may_name(tmp_path: Path) -> None:
    marks = np.zeros((4, 14), np.uint8)
    marks[1, 6] = marks[2, 6] = marks[2, 2] = marks[3, 8] = 1  # pneumonia; pneumonia and effusion; consolidation
    path = save(tmp_path / "chestmnist_64.npz", train_images=grey(4), train_labels=marks)
    index = films.index(path, cut=False)
    assert [film.label for film in index] == ["NORMAL", "PNEUMONIA", "PNEUMONIA", ""]
    assert any("1 film unlabelled (neither Pneumonia nor No Finding)" in note for note in index.notes)
    named = films.index(path, cut=False, class_names={"PNEUMONIA": ["pneumonia", "consolidation"]})
    assert [film.label for film in named] == ["NORMAL", "PNEUMONIA", "PNEUMONIA", "PNEUMONIA"]


@pytest.mark.parametrize("marks", [np.full((2, 14), 2), np.zeros((2, 13), int), np.array([0, 1])])
def test_marks_that_are_not_chestmnists_are_refused(tmp_path: Path, marks: np.ndarray) -> None:
    path = save(tmp_path / "chestmnist.npz", train_images=grey(2), train_labels=marks)
    with pytest.raises(LayoutError, match="not ChestMNIST's; expected 0 or 1 for each of 14 findings of 2 films"):
        films.index(path, cut=False)
