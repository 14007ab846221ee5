"""`hilum adapt`: a detector that is fitted to other films, and kept where that is no better."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch
from torch import nn

import hilum
from hilum import bundle, models
from hilum.bundle import Bundle
from hilum.bundle.network_payload import NetworkPayload
from hilum.bundle.onnx_export import round_weights
from hilum.bundle.spec import decisions_of
from hilum.bundle.write import Payload, rewrite, write
from hilum.confidence import Calibration
from hilum.errors import RequestError
from hilum.films import index
from hilum.gate import stopping
from hilum.inference import Detector
from hilum.pixels import read_square
from hilum.recipe import Pixels, Recipe, with_settings
from hilum.records import Figure, Manifest, read_manifest, write_manifest
from hilum.workflows import adapt_subject
from hilum.workflows.adapt import adapt
from hilum.workflows.deployed import fit_gate, open_deployed
from tests.bundle.conftest import FILMS, make, recipe_of
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder, WriteFilm

COUNTS = {"": {"normal": 12, "bacteria": 12}}


def biased(folder: Path, recipe: Recipe | None = None) -> Bundle:
    """A bundle whose network finds every film normal, with a probability of about 0.05 of the other."""
    recipe = recipe or recipe_of()
    torch.manual_seed(0)
    network = models.build(recipe.model, 32, 2)
    last = list(network.modules())[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias.fill_(-3)
    round_weights(network)
    point = bundle.OperatingPoint(0.5, "youden", "2 validation films")
    return write(
        NetworkPayload([network], recipe),
        folder,
        recipe=recipe,
        classes=("NORMAL", "PNEUMONIA"),
        manifest=Manifest(FILMS),
        decisions=bundle.Decisions(point, Calibration(), None, None, {"auroc": Figure(0.9)}),
        gate=None,
        history=[],
    )


@pytest.fixture
def here(chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return chest_folder(COUNTS)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rung is tried on few films."""
    monkeypatch.setattr(adapt_subject, "LAST_LAYER_FROM", 20)
    monkeypatch.setattr(adapt_subject, "WHOLE_NETWORK_FROM", 20)


def test_a_detector_that_nothing_improves_is_kept_byte_by_byte(here: Path, hilum: Hilum) -> None:
    old = make(Path("old"))
    done = hilum("adapt", "old", "--data", here, "--out", "new")
    assert done.returncode == 0, done.stderr
    assert "The old detector is kept, since no adapted one is shown to be better: on 24 films" in done.stderr
    for name in (*old.spec.files, "bundle.json"):
        assert Path("new/bundle", name).read_bytes() == Path("old", name).read_bytes()


@pytest.mark.slow
def test_a_last_layer_is_fitted_and_the_bundle_says_on_what(here: Path, few: None) -> None:
    old = biased(Path("old"))
    adapted = adapt("old", here, "new", up_to="last layer")
    assert adapted.rung == "last layer"
    assert (adapted.films, adapted.patients) == (24, 12)
    assert adapted.gain.low is not None
    assert adapted.gain.low > 0.1
    assert "Adapted: its last layer" in adapted.sentence
    new = bundle.read(adapted.bundle)
    (told,) = new.spec.adapted
    assert told.films == {"NORMAL": 12, "PNEUMONIA/bacteria": 12}
    assert (told.patients, told.rung, told.base) == (12, "last layer", old.spec.seal)
    assert (told.before, told.after, told.gain) == (adapted.before, adapted.after, adapted.gain)
    card = (new.folder / "CARD.md").read_text()
    assert "## What it was adapted on" in card
    assert "Films: 12 NORMAL, 12 PNEUMONIA/bacteria; patients: 12." in card
    assert "hold no longer" in card
    before, after = (bundle_weights(folder) for folder in ("old", "new/bundle"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.endswith(("classifier.3.weight", "classifier.3.bias"))}


def test_films_that_it_has_learnt_from_are_left_out(
    here: Path, few: None, hilum: Hilum, write_film: WriteFilm
) -> None:
    biased(Path("old"))
    first = adapt("old", here, "new", up_to="last layer")
    with pytest.raises(RequestError, match="no film is left to adapt on"):
        adapt(first.bundle, here, "again")
    new = here / "PNEUMONIA" / "person900_bacteria_900.jpeg"
    write_film(new, seed=900, opacity=0.8)
    done = hilum("adapt", first.bundle, "--data", here, "--out", "again")
    assert "note: 24 of 25 films are among those that the detector has learnt from" in done.stderr
    assert "no film is left labelled NORMAL" in refusal(done, 2)


def bundle_weights(folder: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load

    return load(bundle.read(folder).weights)


def test_what_cannot_be_adapted_on_is_refused_in_one_line(
    here: Path, hilum: Hilum, chest_folder: ChestFolder
) -> None:
    make(Path("old"))

    def refused(films: Path, *options: str) -> str:
        line = refusal(hilum("adapt", "old", "--data", films, "--out", "new", *options), 2)
        assert not Path("new").exists()
        return line

    three = chest_folder({"": {"normal": 2, "bacteria": 1}}, films_a_patient=1, name="three")
    assert "in 5 parts, and of PNEUMONIA there are films of 1 patient; give films of 5 patients" in refused(three)
    one = chest_folder({"": {"normal": 6}}, name="one")
    assert "no film is left labelled PNEUMONIA; give films of each of NORMAL, PNEUMONIA" in refused(one)
    assert "up to 'everything': there is no such rung; name one of decisions, last layer" in refused(
        here, "--up-to", "everything"
    )
    assert "adapting takes settings of [bundle] alone" in refused(here, "--set", "training.epochs=3")
    shutil.move(here / "NORMAL", here / "FRACTURE")
    assert "the bundle knows NORMAL and PNEUMONIA, and these films are labelled 'FRACTURE' (12 films)" in refused(
        here
    )


def test_a_film_that_cannot_be_read_is_named_and_the_others_are_used(here: Path, hilum: Hilum) -> None:
    make(Path("old"))
    (here / "NORMAL" / "IM-0901-0001.jpeg").write_bytes(b"\xff\xd8\xff\xe0 no more of it")
    done = hilum("adapt", "old", "--data", here, "--out", "new")
    assert done.returncode == 0, done.stderr
    assert any("IM-0901-0001.jpeg" in line and "it is left out" in line for line in done.stderr.splitlines())
    assert "on 24 films of yours" in done.stderr


def test_a_bundle_that_is_there_is_left_alone(here: Path, tmp_path: Path) -> None:
    make(Path("old"))
    shutil.copytree("old", "new/bundle")
    with pytest.raises(RequestError, match="new: holds a bundle already; name another --out"):
        adapt("old", here, "new")


def test_films_of_the_test_are_left_for_measuring(here: Path) -> None:
    make(Path("old"))
    films = hilum.index(here, cut=False)
    from dataclasses import replace

    split = Manifest(tuple(replace(film, split="test" if row % 2 else "") for row, film in enumerate(films)))
    write_manifest(split, "films.csv")
    assert adapt("old", "films.csv", "new").films == 12
    assert {film.split for film in read_manifest("new/manifest.csv")} == {""}


@pytest.mark.slow
def test_the_gate_learns_from_films_and_the_detector_may_be_kept(
    here: Path, hilum: Hilum, chest_folder: ChestFolder
) -> None:
    """Films of a round collimator, which a gate that has seen none stops."""
    old = make(Path("ungated"))
    known = index(chest_folder({"": {"normal": 100, "bacteria": 100}}, name="known"), cut=False)
    gate = fit_gate(known, old.spec.recipe)
    assert gate
    old = rewrite(old, open_deployed(old).payload, Path("old"), recipe=old.spec.recipe, decisions=None, gate=gate)
    for path in here.rglob("*.jpeg"):
        circled(path)
    done = hilum("adapt", "old", "--data", here, "--out", "new", "--set", "bundle.operating_point=half")
    assert done.returncode == 0, done.stderr
    assert "The old detector is kept" in done.stderr
    assert "Its gate has learnt from them too: the share of those held out that pass is " in done.stderr
    new = bundle.read("new/bundle")
    (told,) = new.spec.adapted
    assert told.rung is None
    assert told.gate
    assert told.gate.pictures_after <= told.gate.pictures_before
    assert float(told.gate.after) > float(told.gate.before)
    assert "its gate alone" in (new.folder / "CARD.md").read_text()
    kept = {name for name in old.spec.files if new.content(name) == old.content(name)}
    assert set(old.spec.files) - kept == {"gate.json", "CARD.md"}
    assert decisions_of(new.spec) == decisions_of(old.spec)
    passed = {folder: passing(folder, here) for folder in ("old", "new/bundle")}
    assert passed["new/bundle"] >= 22 > passed["old"]
    assert {film.split for film in read_manifest("new/manifest.csv")} == {"val"}


def circled(path: Path) -> None:
    """Blacken what a round collimator covers."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    mask = cv2.circle(np.zeros_like(grey), (grey.shape[1] // 2, grey.shape[0] // 2), round(0.43 * len(grey)), 1, -1)
    cv2.imwrite(str(path), grey * mask)


def passing(folder: str, films: Path) -> int:
    """How many films a bundle's gate lets pass."""
    return sum(not stopping(row.flags) for row in Detector(folder).predict(films))


@pytest.mark.slow
def test_a_threshold_that_is_off_is_replaced_and_the_sentence_says_by_which_figure(here: Path) -> None:
    """The network and its calibration stay what they are: nothing but the threshold is wrong."""
    old = make(Path("ungated"))
    payload = open_deployed(old).payload
    point = bundle.OperatingPoint(0.9999, "youden", "2 validation films")
    decisions = msgspec.structs.replace(decisions_of(old.spec), operating_point=point)
    films = separable(payload, here)
    recipe = with_settings(old.spec.recipe, ("bundle.operating_views=2",))
    rewrite(old, payload, Path("old"), recipe=recipe, decisions=decisions)
    adapted = adapt("old", films, "new", settings=("bundle.calibration=none",))
    assert adapted.rung == "decisions"
    assert "the share of right answers in the class that has fewest is higher by" in adapted.sentence
    assert float(adapted.before["sensitivity"]) == 0
    new = bundle.read(adapted.bundle).spec
    assert new.operating_point.chosen_on == "24 validation films"  # as they are, without the recipe's drawn views
    (told,) = new.adapted
    assert told.worst_class_gain == adapted.worst_class_gain
    assert (
        "The share of right answers in the class that has fewest rose by" in (adapted.bundle / "CARD.md").read_text()
    )


def separable(payload: Payload, folder: Path) -> Manifest:
    """Films labelled by what the network finds in them, so that it is right about most at some threshold."""
    films = index(folder, cut=False)
    squares = np.stack([read_square(film.path, Pixels(size=32)).levels for film in films])
    found = payload.probs(squares)[:, 1]
    ill = found > np.median(found)
    swapped = np.argsort(found)[[2, -3]]
    ill[swapped] = ~ill[swapped]
    labelled = [
        dataclasses.replace(film, label="PNEUMONIA" if found_ill else "NORMAL", patient=f"p{row}")
        for row, (film, found_ill) in enumerate(zip(films, ill, strict=True))
    ]
    return Manifest(tuple(labelled))
