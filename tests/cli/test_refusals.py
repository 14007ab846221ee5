"""A request that cannot be carried out is refused in one line, with exit code 2, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder, WriteFilm

COUNTS = {"train": {"normal": 6, "bacteria": 6}}


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ('name = "x"\n[training]\nepoch = 3\n', "unknown key 'training.epoch'; did you mean 'epochs'?"),
        ('name = "x"\n[training]\nepochs = "three"\n', "training.epochs"),
        ('name = "x"\n[training]\nepochs = 0\n', "training.epochs"),
        ('name = "x"\n[model]\nname = "s2-cnn"\n', "no architecture 's2-cnn'"),
        ('name = "x"\n[pixels]\nsize = 31\n', "sides of 32 pixels or more, not 31"),
        ('name = "x"\n[model]\nhead = "s3"\n', "model.head"),
        ('name = "x"\n[model]\nnormalise = "vgg"\n', "set model.channels=3"),
        ('name = "x"\n[transfer]\nfrozen = "stage9"\n', "no stage 'stage9' in this network; there are stage1"),
        ('name = "x"\n[transfer]\nviews = 3\n', "transfer.views"),
        ('name = "x"\n[weights]\nsource = "nowhere.pth"\n', "'nowhere.pth': no such file or folder"),
        ('name = "x"\nclasses = ["NORMAL", "PNEUMONIA", "COVID"]\n', "no train film is labelled COVID"),
        ('name = "x"\n[training]\nclass_weights = [1, 2, 3]\n', "3 weights for the 2 classes NORMAL, PNEUMONIA"),
        ('name = "x"\n[teacher]\nsources = ["nowhere"]\n', "nowhere: not a bundle"),
        ('name = "x"\n[transfer]\nfrozen = "stage4"\nalso = ["stage5"]\n', "transfer.also: 'stage5' is not among"),
        ("name = ", "not a TOML file"),
    ],
)
def test_a_wrong_recipe(hilum: Hilum, chest_folder: ChestFolder, tmp_path: Path, recipe: str, says: str) -> None:
    (tmp_path / "r.toml").write_text(recipe)
    done = hilum("train", "r.toml", "--data", chest_folder(COUNTS), "--out", "run")
    assert says in refusal(done, 2)
    assert not (tmp_path / "run").exists()


def test_training_stops_at_an_unreadable_film_and_names_it(
    hilum: Hilum, chest_folder: ChestFolder, tmp_path: Path
) -> None:
    folder = chest_folder(COUNTS)
    (folder / "train" / "NORMAL" / "IM-0999-0001.jpeg").write_text("no film")
    (tmp_path / "r.toml").write_text('name = "x"\n[pixels]\nsize = 32\n')
    done = hilum("train", "r.toml", "--data", folder, "--out", "run")
    assert done.returncode in (1, 2)
    assert "IM-0999-0001.jpeg" in refusal(done, done.returncode)


def test_labels_that_the_bundle_does_not_know(
    hilum: Hilum, tiny_bundle: Path, tmp_path: Path, write_film: WriteFilm
) -> None:
    for label in ("cat", "dog"):
        write_film(tmp_path / "pets" / label / "1.png", 1 if label == "cat" else 2)
    done = hilum("evaluate", tiny_bundle, "--data", "pets", "--split", "all", "--out", "out")
    assert "cat" in refusal(done, 2)
    assert not (tmp_path / "out").exists()


def test_a_split_that_is_not_there(hilum: Hilum, tiny_bundle: Path, chest_folder: ChestFolder) -> None:
    done = hilum("evaluate", tiny_bundle, "--data", chest_folder(COUNTS), "--split", "test", "--out", "out")
    assert "no film belongs to the split 'test'" in refusal(done, 2)


def test_two_classes_of_which_neither_is_plainly_normal(hilum: Hilum, tmp_path: Path, write_film: WriteFilm) -> None:
    for number in range(12):
        write_film(tmp_path / "pets" / ("cat", "dog")[number % 2] / f"IM-{number:04d}-0001.png", number)
    (tmp_path / "r.toml").write_text('name = "x"\n[pixels]\nsize = 32\n')
    done = hilum("train", "r.toml", "--data", "pets", "--out", "run")
    assert "which of cat and dog is the finding?" in refusal(done, 2)


def test_a_folder_that_is_not_there(hilum: Hilum) -> None:
    assert "nowhere" in refusal(hilum("index", "nowhere"), 2)


def test_resuming_what_is_no_run(hilum: Hilum, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty: holds no run (no recipe.toml)" in refusal(hilum("train", "--resume", "empty"), 2)


def test_a_full_disk_is_said_in_one_line(hilum: Hilum, chest_folder: ChestFolder) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    # The temporary beside /dev/full cannot be made; what is tested is that an OSError is one line.
    done = hilum("index", chest_folder(COUNTS), "--out", "/dev/full/manifest.csv")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
