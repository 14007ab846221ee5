"""The loop learns, keeps the right weights, repeats itself bit for bit, and goes on where it was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from sklearn.metrics import roc_auc_score

from hilum import batches, models, pixels, training
from hilum.errors import HilumError, RequestError
from hilum.history import read_history
from hilum.records import Film, Manifest
from hilum.shifts import ACQUISITION
from hilum.training import checkpoint
from tests.training.conftest import CLASSES, Fit, Killed, killed_after, small


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(folder / "checkpoints" / "last.safetensors")[0]["model"]


def test_learns_what_is_there_to_learn(tmp_path: Path) -> None:
    """Whether the upper or the lower half is brighter."""
    draw, recipe = np.random.default_rng(0), small(epochs=4, keep="last")
    films = tuple(Film(f"{n}.png", CLASSES[n % 2], split="train", sha256=str(n)) for n in range(96))
    grey = draw.integers(60, 180, (96, 32, 32), dtype=np.uint8)
    grey[::2, :16] += 20
    grey[1::2, 16:] += 20
    cache = pixels.PixelCache(grey, {str(n): n for n in range(96)})
    train, val = (
        batches.make_batches(Manifest(part), cache, CLASSES, recipe.batches) for part in (films[:64], films[64:])
    )
    torch.manual_seed(1)
    run = training.fit(models.build(recipe.model, 32), train, val, recipe, tmp_path)
    assert run.history[-1]["train_loss"] < 0.5 * run.history[0]["train_loss"]
    assert run.history[-1]["val_auroc"] > 0.95


def test_one_seed_gives_identical_weights(fit: Fit, tmp_path: Path) -> None:
    recipe = small(average=0.9, optimizer="adamw")
    fit(recipe, tmp_path / "one")
    fit(recipe, tmp_path / "two")
    torch.testing.assert_close(weights_of(tmp_path / "one"), weights_of(tmp_path / "two"), rtol=0, atol=0)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_run_that_was_stopped_ends_in_the_same_weights(fit: Fit, tmp_path: Path, average: float) -> None:
    recipe = small(epochs=4, average=average, schedule="plateau", plateau_patience=0)
    fit(recipe, tmp_path / "straight")

    with pytest.raises(Killed):
        fit(recipe, tmp_path / "stopped", on_epoch=killed_after(2))
    run = fit(recipe, tmp_path / "stopped", resume=True)
    torch.testing.assert_close(weights_of(tmp_path / "straight"), weights_of(tmp_path / "stopped"), rtol=0, atol=0)
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4]


def test_a_run_that_was_stopped_before_its_first_checkpoint_starts_again(fit: Fit, tmp_path: Path) -> None:
    fit(small(), tmp_path / "straight")
    fit(small(), tmp_path / "stopped", resume=True)
    torch.testing.assert_close(weights_of(tmp_path / "straight"), weights_of(tmp_path / "stopped"), rtol=0, atol=0)


def test_the_best_checkpoint_is_that_of_the_lowest_validation_loss_after_the_minimum(
    fit: Fit, tmp_path: Path
) -> None:
    run = fit(small(epochs=5, min_epochs=2, keep="best"), tmp_path)
    late = run.history[1:]
    assert run.kept_epoch == min(late, key=lambda row: row["val_loss"])["epoch"]
    _, notes = checkpoint.load(tmp_path / "checkpoints" / "kept.safetensors")
    assert notes["epoch"] == run.kept_epoch


def test_stops_early(fit: Fit, tmp_path: Path) -> None:
    run = fit(small(epochs=12, learning_rate=1e-9, early_stopping=2), tmp_path)
    assert len(run.history) - run.kept_epoch == 2 or len(run.history) == 12


def test_every_epoch_is_judged_under_the_shifts(
    fit: Fit, data: tuple[batches.FilmBatches, batches.FilmBatches], tmp_path: Path
) -> None:
    recipe = small(epochs=1, val_shifts=True, monitor="shifted_auroc")
    row = fit(recipe, tmp_path).history[0]
    model = models.build(recipe.model, 32).eval()
    model.load_state_dict(weights_of(tmp_path))
    val, aurocs = data[1], []
    for shift in ACQUISITION.shifts.values():
        grey = np.stack([shift(val.cache.films[each] / np.float32(255)) for each in val.rows])
        films = torch.from_numpy(np.rint(grey * 255).astype(np.float32) / 255)[:, None]
        with torch.no_grad():
            aurocs.append(roc_auc_score(val.labels, model(films).numpy()[:, -1]))
    assert row["val_shifted_auroc"] == pytest.approx(np.mean(aurocs), abs=1e-6)
    assert len(set(aurocs)) > 1


def test_the_history_is_written_as_csv_and_for_tensorboard(fit: Fit, tmp_path: Path) -> None:
    run = fit(small(), tmp_path)
    written = read_history(tmp_path / "history.csv")
    assert [row["val_loss"] for row in written] == pytest.approx([row["val_loss"] for row in run.history], rel=1e-5)
    assert list(written[0])[:4] == ["epoch", "seconds", "learning_rate", "train_loss"]
    assert list((tmp_path / "tensorboard").glob("events.*"))


@pytest.mark.parametrize(
    ("content", "says"),
    [("epoch,val_loss\n1,a\n", "damaged"), ("epoch\n", "lacks some of the checkpoint's 2 epochs")],
)
def test_a_history_that_was_damaged_is_not_gone_on_with(fit: Fit, tmp_path: Path, content: str, says: str) -> None:
    fit(small(), tmp_path)
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(RequestError, match=says):
        fit(small(), tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(fit: Fit, tmp_path: Path) -> None:
    with pytest.raises(
        HilumError, match=r"the loss is nan.*lower training.learning_rate.*there is no checkpoint yet"
    ):
        fit(small(epochs=9, learning_rate=1e30, optimizer="sgd", schedule="constant"), tmp_path)


def test_a_network_that_diverged_in_an_epochs_last_step_stops_the_run_too(
    data: tuple[batches.FilmBatches, batches.FilmBatches], tmp_path: Path
) -> None:
    """Nothing is noticed of it before the validation films are judged."""
    recipe, (train, val) = small(epochs=9, learning_rate=1e30, schedule="constant"), data
    whole = replace(train, spec=structs.replace(train.spec, size=48))
    with pytest.raises(HilumError, match=r"val_loss is nan after epoch 1; lower training.learning_rate"):
        training.fit(models.build(recipe.model, 32), whole, val, recipe, tmp_path)
