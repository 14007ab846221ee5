"""Several networks by one recipe: by seeds or by folds, killed and gone on with, fused into one bundle."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from hilum import bundle, films, training
from hilum.auditing import acquisition
from hilum.bundle.weights import load_networks
from hilum.errors import LayoutError, RecipeError
from hilum.history import read_history
from hilum.inference import Detector
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Manifest
from hilum.training import checkpoint
from hilum.workflows.ensemble import plan_members, train_members
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder

COUNTS = {"train": {"normal": 16, "bacteria": 8, "virus": 8}, "val": {"normal": 6, "bacteria": 6}}


def recipe_of(members: dict[str, object], **table: object) -> Recipe:
    return parse_recipe(
        {
            "name": "several",
            "pixels": {"size": 32},
            "batches": {"size": 8},
            "training": {"epochs": 2, "precision": "float32", "learning_rate": 1e-3, **table},
            "members": members,
        },
        "test",
    )


@pytest.fixture
def manifest(chest_folder: ChestFolder) -> Manifest:
    return films.index(chest_folder(COUNTS), cut=False)


def test_seeds_are_fused_into_the_mean_of_their_probabilities(manifest: Manifest, tmp_path: Path) -> None:
    folder = train_members(recipe_of({"seeds": 2}), manifest, tmp_path / "run")
    assert folder == tmp_path / "run" / "bundle"
    grey = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    parts = [Detector(tmp_path / "run" / f"seed-{seed}" / "bundle").probs(grey) for seed in (1, 2)]
    assert not np.allclose(parts[0], parts[1], atol=1e-4), "each seed learnt something of its own"
    np.testing.assert_allclose(Detector(folder).probs(grey), np.mean(parts, axis=0), atol=1e-5)
    assert [member.recipe.seed for member in bundle.read(folder).spec.members] == [1, 2]
    assert "is not known" not in (folder / "CARD.md").read_text()


@pytest.mark.slow
def test_members_that_were_killed_go_on(manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of({"seeds": 2})
    straight = train_members(recipe, manifest, tmp_path / "straight")
    fit, begun = training.fit, []

    def fit_one(*what: object, **options: object) -> training.FitResult:
        begun.append(1)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return fit(*what, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "fit", fit_one)
    with pytest.raises(KeyboardInterrupt):
        train_members(recipe, manifest, tmp_path / "killed")
    monkeypatch.setattr(training, "fit", fit)
    killed = train_members(recipe, manifest, tmp_path / "killed", resume=True)
    assert straight is not None
    assert killed is not None
    weights = (load_file(folder / "weights.safetensors") for folder in (straight, killed))
    torch.testing.assert_close(*weights, rtol=0, atol=0)


def test_folds_judge_every_film_by_the_network_that_had_not_seen_its_patient(
    manifest: Manifest, tmp_path: Path
) -> None:
    folder = train_members(recipe_of({"folds": 3}), manifest, tmp_path / "run")
    assert folder is not None
    with (tmp_path / "run" / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(Path(row["path"]).name for row in rows) == sorted(Path(film.path).name for film in manifest)
    spec = bundle.read(folder).spec
    labels = [row["label"] == "PNEUMONIA" for row in rows]
    expected = roc_auc_score(labels, [float(row["prob_PNEUMONIA"]) for row in rows])
    assert spec.metrics["auroc"].value == pytest.approx(expected, abs=5e-3)  # the table rounds to six digits
    assert (
        spec.operating_point.chosen_on == "44 films, each predicted by the network that was not trained on its fold"
    )
    by_path = {Path(row["path"]).name: float(row["prob_PNEUMONIA"]) for row in rows}
    for name, _, its_films, _ in plan_members(recipe_of({"folds": 3}), manifest):
        learnt = {film.patient for film in its_films if film.split == "train"}
        val = its_films.split("val")
        assert not learnt & {film.patient for film in val}
        said = Detector(tmp_path / "run" / name / "bundle").predict(val)
        for row in said:
            assert row.probs[1] == pytest.approx(by_path[Path(row.film.path).name], abs=1e-4)
    card = (folder / "CARD.md").read_text()
    assert "predicted by the one network that was trained on none of its patient's films" in card
    assert len(load_networks(bundle.read(folder))) == 3


def test_seeds_keep_the_epoch_that_is_best_on_average(manifest: Manifest, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_members(recipe_of({"seeds": 2, "fuse": "none"}, keep="agreed", epochs=4, min_epochs=2), manifest, run)
    losses = [[row["val_loss"] for row in read_history(run / f"seed-{seed}" / "history.csv")] for seed in (1, 2)]
    best = 2 + int(np.mean(losses, axis=0)[1:].argmin())
    for seed in (1, 2):
        its_run = run / f"seed-{seed}"
        kept = checkpoint.load(its_run / "checkpoints" / f"epoch-{best:04d}.safetensors")[0]["model"]
        torch.testing.assert_close(load_file(its_run / "bundle" / "weights.safetensors"), kept, rtol=0, atol=0)
    assert not (run / "bundle").exists()


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"folds": 1}, "one fold leaves nothing to learn from"),
        ({"folds": 3, "seeds": 2}, "folds and seeds exclude each other"),
        ({"folds_by": "acquisition"}, "take members.folds=5"),
        ({"folds": 3, "fuse": "fitted"}, "no film is left to fit shares on"),
    ],
)
def test_members_that_cannot_be_are_refused(members: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        recipe_of(members)


def test_one_run_has_nothing_to_agree_on(hilum: Hilum, chest_folder: ChestFolder, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('name = "r"\n[training]\nkeep = "agreed"\n')
    said = refusal(hilum("train", "r.toml", "--data", chest_folder(COUNTS)), 2)
    assert "set members.seeds=3" in said


@pytest.mark.slow
def test_a_fold_may_hold_out_what_was_taken_alike(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = partial(acquisition.acquisition_groups, fewest=2)
    monkeypatch.setattr(acquisition, "acquisition_groups", few)
    recipe = recipe_of({"folds": 2, "folds_by": "acquisition", "fuse": "none"}, epochs=1)
    groups = few(list(manifest), 2, recipe.seed)
    train_members(recipe, manifest, tmp_path / "run")
    written = json.loads((tmp_path / "run" / "folds.json").read_text())
    assert [fold["held_out"] for fold in written["folds"]] == list(groups.descriptions)
    with (tmp_path / "run" / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    for number, fold in enumerate(written["folds"]):
        own = [row for row in rows if groups.group_of[row["path"]] == number]
        labels = [row["label"] == "PNEUMONIA" for row in own]
        assert fold["films"] == {"NORMAL": labels.count(False), "PNEUMONIA": labels.count(True)}
        expected = roc_auc_score(labels, [float(row["prob_PNEUMONIA"]) for row in own])
        assert fold["auroc"]["value"] == pytest.approx(expected, abs=5e-3)
    assert written["auroc_worst"]["value"] == min(fold["auroc"]["value"] for fold in written["folds"])


def test_too_few_films_for_groups_are_refused_before_anything_is_trained(manifest: Manifest, tmp_path: Path) -> None:
    recipe = recipe_of({"folds": 3, "folds_by": "acquisition"})
    with pytest.raises(LayoutError, match=r"44 films do not make two groups .* members\.folds_by=patient"):
        train_members(recipe, manifest, tmp_path / "run")
    assert not (tmp_path / "run").exists()
