"""`hilum preprocess`: one picture of a film's steps, and one line where there can be none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm


@pytest.fixture
def film(tmp_path: Path, write_film: WriteFilm) -> Path:
    return write_film(tmp_path / "a film, $5$.png", seed=5, size=(100, 130))


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return picture.size


def test_all_steps_without_a_recipe_and_the_recipes_with_one(hilum: Hilum, film: Path, tmp_path: Path) -> None:
    done = hilum("preprocess", film, "--out", "pictures/all.png")
    assert done.returncode == 0, done.stderr
    assert "pictures/all.png: " in done.stderr
    assert "grey, scaled, denoise, smooth, binarise, frame, restore, mask" in done.stderr
    assert "Next: " in done.stderr
    assert done.stdout == ""
    done = hilum("preprocess", film, "--recipe", "s7-features", "--out", "s7.PNG")
    assert done.returncode == 0, done.stderr
    assert "grey, scaled, denoise\n" in done.stderr
    all_steps, one_step = size_of(tmp_path / "pictures" / "all.png"), size_of(tmp_path / "s7.PNG")
    assert all_steps[1] > 2 * one_step[1]


def test_a_networks_recipe_only_scales(hilum: Hilum, film: Path, tmp_path: Path) -> None:
    done = hilum("preprocess", film, "--recipe", "hilum", "--out", "hilum.png")
    assert done.returncode == 0, done.stderr
    assert "prepares films no further" in done.stderr
    assert size_of(tmp_path / "hilum.png")[0] > 500


def test_what_was_not_found_is_noted(hilum: Hilum, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    done = hilum("preprocess", "noise.png", "--out", "steps.png")
    assert done.returncode == 0, done.stderr
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert note.startswith("note: noise.png: lungs not found: ")


def test_a_film_that_cannot_be_read_is_named(hilum: Hilum, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    for name in ("text.png", "nowhere.png"):
        assert name in refusal(hilum("preprocess", name, "--out", "out.png"), 1)
    assert not (tmp_path / "out.png").exists()


def test_refusals(hilum: Hilum, film: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('name = "x"\n[classical]\nsteps = ["sharpen"]\n')
    (tmp_path / "taken.png").mkdir()
    assert "name a file that ends in .png" in refusal(hilum("preprocess", film, "--out", "out.jpg"), 2)
    assert "classical.steps" in refusal(hilum("preprocess", film, "--out", "out.png", "--recipe", "bad.toml"), 2)
    assert "taken.png" in refusal(hilum("preprocess", film, "--out", "taken.png"), 2)
    assert not list(tmp_path.glob("out.*"))
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("name", [os.fsdecode(b"not \xff unicode.png"), "a$b$\\x{.png", "\x1b[2J.png"])
def test_any_name_of_a_film_can_be_drawn(hilum: Hilum, film: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(film.read_bytes())
    done = hilum("preprocess", tmp_path / name, "--out", "out.png")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert (tmp_path / "out.png").stat().st_size


def test_the_film_itself_is_never_replaced(hilum: Hilum, film: Path, tmp_path: Path) -> None:
    before = film.read_bytes()
    (tmp_path / "link.png").symlink_to(film)
    for out in (film.name, "link.png", f"../{tmp_path.name}/{film.name}"):
        assert "that is the film itself" in refusal(hilum("preprocess", film, "--out", out), 2)
    assert film.read_bytes() == before
