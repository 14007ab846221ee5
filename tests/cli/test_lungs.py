"""`hilum lungs`: a picture of each film with the outline of its lungs, and one line where there can be none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from hilum.lungs import find_lungs
from hilum.pixels import decode
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm


def test_one_film_is_drawn_with_its_outline(hilum: Hilum, tmp_path: Path, write_film: WriteFilm) -> None:
    film = write_film(tmp_path / "film.png", 1, size=(1100, 1400))
    done = hilum("lungs", film, "--out", "pictures/lungs.png", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    found = find_lungs(decode(str(film)))
    assert found.mask is not None
    assert (row["share"], row["frontal"], row["reason"]) == (found.mask.mean(), found.frontal, "")
    with Image.open(tmp_path / "pictures" / "lungs.png") as picture:
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    assert max(drawn.shape) == 1024
    coloured = np.ptp(drawn, axis=2) > 40
    assert 0 < coloured.mean() < 0.05
    assert "Next: " in done.stderr


def test_a_folder_is_drawn_film_by_film_and_what_cannot_be_read_is_named(
    hilum: Hilum, tmp_path: Path, write_film: WriteFilm
) -> None:
    write_film(tmp_path / "films" / "a.png", 1)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "films" / "b.png")
    (tmp_path / "films" / "c.png").write_text("no film")
    done = hilum("lungs", "films", "--out", "pictures")
    assert done.returncode == 1, done.stderr
    assert "a.png: lungs take" in done.stdout
    assert "b.png: no lungs found: it does not look like a frontal chest film" in done.stdout
    assert "c.png" in refusal(done, 1)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["0001.png", "0002.png"]


def test_refusals(hilum: Hilum, tmp_path: Path, write_film: WriteFilm) -> None:
    film = write_film(tmp_path / "films" / "a.png", 1)
    write_film(tmp_path / "films" / "b.png", 2)
    before = film.read_bytes()
    assert "one picture, and there are 2 films" in refusal(hilum("lungs", "films", "--out", "x.png"), 2)
    assert "that is a film itself" in refusal(hilum("lungs", film, "--out", film), 2)
    assert "nowhere.png" in refusal(hilum("lungs", "nowhere.png", "--out", "x.png"), 2)
    assert film.read_bytes() == before
