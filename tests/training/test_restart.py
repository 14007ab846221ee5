"""A run that is killed at any moment loses nothing: it goes on, and ends in the same weights, bit for bit."""

from __future__ import annotations

import errno
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from hilum import batches, films, models, pixels, training
from hilum.errors import RequestError
from hilum.recipe import Recipe
from hilum.training import checkpoint
from tests.conftest import ChestFolder
from tests.training.conftest import CLASSES, COUNTS, Fit, Killed, killed_after, small

KILLS = 20
SPAWN = multiprocessing.get_context("forkserver")  # a child must not inherit torch's threads
SPAWN.set_forkserver_preload(["hilum.training", "hilum.films", "tests.training.conftest"])


def checkpointed(**table: object) -> Recipe:
    """With a checkpoint after every step."""
    return small(checkpoint_minutes=0, optimizer="adamw", average=0.9, val_views=1, **table)


def learn(chest: Path, folder: Path, recipe: Recipe) -> None:
    torch.set_num_threads(1)
    manifest = films.index(chest, cut=False)
    cache = pixels.cache(manifest, recipe.pixels)
    train, val = (
        batches.make_batches(manifest.split(name), cache, CLASSES, recipe.batches) for name in ("train", "val")
    )
    torch.manual_seed(recipe.seed)
    training.fit(models.build(recipe.model, recipe.pixels.size), train, val, recipe, folder, resume=True)


def result(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Everything that the last checkpoint holds, and the weights that were kept."""
    names = ("last", "kept")
    last, kept = (checkpoint.load(folder / "checkpoints" / f"{name}.safetensors")[0] for name in names)
    return {**last, "kept": kept["model"]}


def columns(folder: Path) -> list[list[str]]:
    """The history without its seconds."""
    rows = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    return [[cell for name, cell in zip(rows[0], row, strict=True) if name != "seconds"] for row in rows]


@pytest.mark.slow
def test_a_process_killed_at_random_moments_ends_in_the_undisturbed_runs_weights(
    chest_folder: ChestFolder, tmp_path: Path
) -> None:
    chest, recipe = chest_folder(COUNTS), checkpointed(epochs=30)
    undisturbed = SPAWN.Process(target=learn, args=(chest, tmp_path / "straight", recipe))
    undisturbed.start()
    undisturbed.join()

    moments = random.Random(0)
    for kill in range(KILLS):
        process = SPAWN.Process(target=learn, args=(chest, tmp_path / "killed", recipe))
        process.start()
        before = time.monotonic()
        last = tmp_path / "killed" / "checkpoints" / "last.safetensors"
        seen = last.stat().st_mtime if last.exists() else 0.0
        while process.is_alive() and not (last.exists() and last.stat().st_mtime > seen):
            time.sleep(0.002)  # until it has written a checkpoint of its own, so that it gets on
            assert time.monotonic() - before < 60
        time.sleep(moments.uniform(0, 0.15))
        assert process.is_alive(), f"the run ended after {kill} kills; make it longer"
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
    learn(chest, tmp_path / "killed", recipe)

    torch.testing.assert_close(result(tmp_path / "killed"), result(tmp_path / "straight"), rtol=0, atol=0)
    assert columns(tmp_path / "killed") == columns(tmp_path / "straight")
    assert not list((tmp_path / "killed" / "checkpoints").glob(".*")), "what was half written is gone"


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_run_goes_on_in_the_middle_of_an_epoch(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    recipe = checkpointed(epochs=3)
    fit(recipe, tmp_path / "straight")
    save, saved = checkpoint.save, list[Path]()

    def save_and_die(path: Path, *what: object) -> None:
        save(path, *what)  # type: ignore[arg-type]
        saved.append(path)
        if len([one for one in saved if one.name.startswith("last")]) == 5 + step:  # four a whole epoch
            raise Killed

    monkeypatch.setattr(checkpoint, "save", save_and_die)
    with pytest.raises(Killed):
        fit(recipe, tmp_path / "stopped")
    monkeypatch.setattr(checkpoint, "save", save)
    run = fit(recipe, tmp_path / "stopped", resume=True)
    torch.testing.assert_close(result(tmp_path / "straight"), result(tmp_path / "stopped"), rtol=0, atol=0)
    assert columns(tmp_path / "straight") == columns(tmp_path / "stopped")
    assert [row["epoch"] for row in run.history] == [1, 2, 3]


def test_a_full_disk_ends_the_run_and_leaves_the_last_checkpoint(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = checkpointed(epochs=2)
    fit(recipe, tmp_path / "straight")
    write, written = safetensors.torch.save_file, 0

    def write_until_full(tensors: dict[str, torch.Tensor], path: Path, **options: object) -> None:
        nonlocal written
        written += 1
        if written == 5:
            path.write_bytes(b"half of it")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(tensors, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint, "save_file", write_until_full)
    with pytest.raises(OSError, match="No space left"):
        fit(recipe, tmp_path / "full")
    monkeypatch.setattr(checkpoint, "save_file", write)
    fit(recipe, tmp_path / "full", resume=True)
    torch.testing.assert_close(result(tmp_path / "straight"), result(tmp_path / "full"), rtol=0, atol=0)


def test_another_recipe_does_not_go_on_with_a_run(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        fit(small(epochs=3), tmp_path, on_epoch=killed_after(1))
    changed = small(epochs=4, learning_rate=1e-2)
    with pytest.raises(
        RequestError, match=r"training\.epochs 3 → 4, training\.learning_rate 0\.001 → 0\.01; restore it"
    ):
        fit(changed, tmp_path, resume=True)
