"""A run goes on with the recipe and the films that it was started with, and with no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.recipe import parse_recipe
from hilum.records import Film, Manifest
from hilum.training.run_fingerprint import check_run_fingerprint, write_run_fingerprint

RECIPE = parse_recipe({"name": "one"}, "test")
FILMS = Manifest(tuple(Film(f"films/{n}.png", "NORMAL", "", f"p{n}", "train", sha256=f"{n:064x}") for n in range(6)))


@pytest.fixture
def fingerprint(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "checkpoints" / "fingerprint.json"
    write_run_fingerprint(path, RECIPE, FILMS)
    return path


def test_the_same_goes_on(fingerprint: Path) -> None:
    check_run_fingerprint(fingerprint, RECIPE, FILMS)


def test_what_validation_decides_behind_the_last_epoch_may_change(fingerprint: Path) -> None:
    later = {"calibration": "platt", "operating_point": "sensitivity", "operating_at": 0.9, "coverage": 0.8}
    check_run_fingerprint(fingerprint, parse_recipe({"name": "one", "bundle": later}, "test"), FILMS)
    with pytest.raises(RequestError, match=r"bundle\.flips False → True"):
        check_run_fingerprint(
            fingerprint, parse_recipe({"name": "one", "bundle": {**later, "flips": True}}, "test"), FILMS
        )


def test_films_may_move(fingerprint: Path) -> None:
    check_run_fingerprint(
        fingerprint, RECIPE, Manifest(tuple(replace(film, path=f"moved/{film.path}") for film in FILMS))
    )


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"seed": 2}, "seed 1 → 2"),
        ({"pixels": {"size": 64}, "model": {"name": "vgg11"}}, "pixels.size 128 → 64, model.name s1-cnn → vgg11"),
        ({"training": {"epochs": 9, "optimizer": "sgd", "schedule": "cosine", "learning_rate": 1}}, "and 1 more"),
    ],
)
def test_another_recipe_is_refused_with_the_difference(
    fingerprint: Path, table: dict[str, object], says: str
) -> None:
    with pytest.raises(RequestError, match=r"run: its recipe was changed since it was started: ") as refused:
        check_run_fingerprint(fingerprint, parse_recipe({"name": "one", **table}, "test"), FILMS)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("films", "says"),
    [
        (FILMS.films[1:], "films/0.png (missing)"),
        ((*FILMS.films, Film("films/new.png", "NORMAL", sha256="f" * 64)), "films/new.png (new)"),
        ((replace(FILMS.films[0], label="PNEUMONIA"), *FILMS.films[1:]), "films/0.png (NORMAL → PNEUMONIA)"),
        ((replace(FILMS.films[0], split="val"), *FILMS.films[1:]), "films/0.png (train → val)"),
        (FILMS.films[4:], "and 1 more; restore manifest.csv"),
    ],
)
def test_other_films_are_refused_with_the_difference(fingerprint: Path, films: tuple[Film, ...], says: str) -> None:
    with pytest.raises(RequestError, match=r"its films were changed since it was started: ") as refused:
        check_run_fingerprint(fingerprint, RECIPE, Manifest(films))
    assert says in str(refused.value)


def test_a_run_of_the_first_release_is_resumed(fingerprint: Path) -> None:
    """It called the file `fingerprint.json`, and the default head `own`."""
    former = fingerprint.rename(fingerprint.with_name("fingerprint.json"))
    former.write_text(former.read_text().replace('"head": "default"', '"head": "own"'))
    check_run_fingerprint(fingerprint, RECIPE, FILMS)
    with pytest.raises(RequestError, match="seed 1 → 2"):
        check_run_fingerprint(fingerprint, parse_recipe({"name": "one", "seed": 2}, "test"), FILMS)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"recipe": {}}'])
def test_a_damaged_note_is_refused(fingerprint: Path, content: str) -> None:
    fingerprint.write_text(content)
    with pytest.raises(RequestError, match="cannot be read; start the run again"):
        check_run_fingerprint(fingerprint, RECIPE, FILMS)
