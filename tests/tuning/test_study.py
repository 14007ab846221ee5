"""A study finds what is better, loses no trial, and is continued with what it was started with."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hilum.errors import FilmError, HilumError, RequestError
from hilum.recipe import Recipe, Tune, read_recipe
from hilum.tuning import StudyObjective, read_space, tune
from tests.tuning.conftest import FILMS, MIXED, RATE, MadeUp, all_values, loss_of, recipe_with, space_of, study


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing it takes longer than all the trials; test_page.py looks at it."""
    monkeypatch.setattr("hilum.tuning.study.render", lambda summary: "page")


def test_finds_the_better_of_two_and_writes_it_as_a_recipe(tmp_path: Path) -> None:
    summary = study(tmp_path, space_of({"training.learning_rate": [1e-1, 1e-3]}), trials=6)
    assert summary.best is not None
    assert summary.best.values == {"training.learning_rate": 1e-3}
    best = read_recipe(tmp_path / "best.toml")
    assert best.training.learning_rate == 1e-3
    assert best.tune == Tune()
    assert "[tune" not in (tmp_path / "best.toml").read_text()


def test_what_was_seen_guides_the_draw(tmp_path: Path) -> None:
    """Trials that were guided lie closer to the best rate than those that were drawn at random."""
    summary = study(tmp_path, space_of(RATE, startup_trials=10), trials=30)
    away = [abs(math.log10(float(trial.values["training.learning_rate"])) + 3) for trial in summary.trials]
    assert np.median(away[20:]) < 0.75 * np.median(away[:10])


def test_more_can_be_better(tmp_path: Path) -> None:
    objective = StudyObjective("val_auroc", "AUROC on validation", False)

    def train(recipe: Recipe, folder: Path, *, on_epoch: Callable[[dict[str, float]], None]) -> int:
        for epoch, share in enumerate((0.5, 1.0, 0.9), start=1):
            on_epoch({"epoch": epoch, "seconds": 1.0, "val_auroc": share / (1 + loss_of(recipe))})
        return 2

    summary = tune(space_of(MIXED), FILMS, tmp_path, train, objective, trials=5)
    figures = [trial.figure for trial in summary.trials if trial.figure is not None]
    assert summary.best is not None
    assert summary.best.figure == max(figures) == summary.best.curve[2], "that of the epoch that was kept"


def test_a_hopeless_trial_is_pruned_and_a_good_one_is_not(tmp_path: Path) -> None:
    train = MadeUp()
    space = space_of({"training.learning_rate": [1e-1, 1e-3]}, epochs=5, prune="median", startup_trials=3)
    summary = study(tmp_path, space, train, trials=12)
    pruned = summary.in_state("pruned")
    assert pruned
    assert all(trial.values["training.learning_rate"] == 1e-1 for trial in pruned)
    assert all(len(trial.curve) == 1 and trial.figure is None for trial in pruned)
    assert all(trial.number >= 3 for trial in pruned)
    assert len(train.epochs) == sum(len(trial.curve) for trial in summary.trials) < 12 * 5


def test_none_is_pruned_before_it_may_be(tmp_path: Path) -> None:
    space = space_of(
        {"training.learning_rate": [1e-1, 1e-3]}, epochs=5, prune="median", startup_trials=2, prune_after=3
    )
    summary = study(tmp_path, space, trials=8)
    assert {len(trial.curve) for trial in summary.in_state("pruned")} == {3}


def test_hyperband_prunes_too(tmp_path: Path) -> None:
    space = space_of(RATE, epochs=9, prune="hyperband", startup_trials=2)
    summary = study(tmp_path, space, trials=15)
    assert summary.in_state("pruned")
    assert summary.best is not None
    assert len(summary.best.curve) == 9


def test_a_trial_that_fails_is_named_and_the_study_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def loss(recipe: Recipe) -> float:
        if recipe.training.learning_rate > 1e-2:
            raise HilumError("the loss is nan in epoch 1;\nlower training.learning_rate")
        return math.nan if recipe.training.optimizer == "sgd" else loss_of(recipe)

    with caplog.at_level("INFO", "hilum"):
        summary = study(tmp_path, space_of(MIXED), MadeUp(loss), trials=10)
    lines = caplog.messages
    failed = summary.in_state("failed")
    assert len(summary.trials) == 10
    assert {trial.error for trial in failed} == {
        "the loss is nan in epoch 1; lower training.learning_rate",
        "its loss on validation is nan",
    }
    assert sum("failed:" in line for line in lines) == len(failed)
    assert summary.best is not None


def test_what_fails_is_drawn_no_more(tmp_path: Path) -> None:
    def loss(recipe: Recipe) -> float:
        if recipe.batches.size == 32:
            raise HilumError("the loss is nan")
        return loss_of(recipe)

    summary = study(tmp_path, space_of(MIXED, startup_trials=6), MadeUp(loss), trials=18)
    failed = [trial.number for trial in summary.in_state("failed")]
    assert failed[0] < 6
    assert sum(number >= 10 for number in failed) <= 2


def test_values_that_do_not_go_together_fail_their_trial_alone(tmp_path: Path) -> None:
    space = space_of({"training.epochs": [2, 6], "training.min_epochs": [1, 3]}, epochs=4)
    summary = study(tmp_path, space, trials=8)
    failed = summary.in_state("failed")
    assert failed
    assert all(trial.values == {"training.epochs": 2, "training.min_epochs": 3} for trial in failed)
    assert all("min_epochs (3) is larger than epochs (2)" in trial.error for trial in failed)


def test_when_all_fail_from_the_start_it_is_not_their_values(tmp_path: Path) -> None:
    def loss(recipe: Recipe) -> float:
        raise RequestError("weights.pth: no such file")

    with pytest.raises(RequestError, match=r"the first 3 trials failed .* weights\.pth: no such file"):
        study(tmp_path, space_of(RATE), MadeUp(loss), trials=20)


def interrupt(trial: int, epoch: int) -> None:
    if (trial, epoch) == (1, 2):
        raise KeyboardInterrupt


@pytest.mark.slow
def test_an_interrupted_study_goes_on_as_if_nothing_had_been(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space = space_of(MIXED, startup_trials=2)
    straight = study(tmp_path / "straight", space, trials=5)
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path / "stopped", space, MadeUp(stop=interrupt), trials=5)
    train = MadeUp()
    with caplog.at_level("INFO", "hilum"):
        summary = study(tmp_path / "stopped", space, train, trials=5)
    lines = caplog.messages
    assert all_values(summary) == all_values(straight)
    assert [trial.curve for trial in summary.trials] == [trial.curve for trial in straight.trials]
    assert [trial.seconds for trial in summary.trials] == [6.0] * 5
    assert train.epochs[:2] == [("trial-0001", 3), ("trial-0002", 1)], "neither lost nor done again"
    assert any("trial 1:" in line and "resumed after epoch 2" in line for line in lines)


def test_an_epoch_that_a_killed_process_did_not_report_any_more_is_reported(tmp_path: Path) -> None:
    space = space_of(RATE)

    def before_the_report(recipe: Recipe) -> float:
        done = tmp_path / "trial-0000" / "checkpoints"
        done.mkdir(parents=True, exist_ok=True)
        (done / "epochs").write_text("2")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(tmp_path, space, MadeUp(before_the_report), trials=1)
    summary = study(tmp_path, space, trials=1)
    assert list(summary.trials[0].curve) == [1, 2, 3]


def test_a_film_that_cannot_be_read_stops_the_study_and_fails_no_trial(tmp_path: Path) -> None:
    def loss(recipe: Recipe) -> float:
        raise FilmError("train3.png", "damaged; copy it again")

    with pytest.raises(FilmError, match="train3"):
        study(tmp_path, space_of(RATE), MadeUp(loss), trials=2)
    summary = study(tmp_path, space_of(RATE), trials=2)
    assert [trial.state for trial in summary.trials] == ["done", "done"]


def test_a_finished_study_takes_more_trials_and_no_fewer(tmp_path: Path) -> None:
    space = space_of(RATE)
    first = study(tmp_path, space, trials=3)
    assert all_values(study(tmp_path, space, trials=2)) == all_values(first)
    more = study(tmp_path, read_space(recipe_with(RATE, trials=5), "tiny.toml"))
    assert all_values(more)[:3] == all_values(first)
    assert len(more.trials) == 5


def test_two_numbers_never_draw_alike_and_another_seed_draws_otherwise(tmp_path: Path) -> None:
    summary = study(tmp_path / "one", space_of(RATE, startup_trials=5), trials=5)
    assert len({trial.values["training.learning_rate"] for trial in summary.trials}) == 5
    recipe = msgspec.structs.replace(recipe_with(RATE, startup_trials=5), seed=2)
    other = study(tmp_path / "two", read_space(recipe, "tiny.toml"), trials=5)
    assert all_values(other) != all_values(summary)


def test_checkpoints_are_kept_of_the_best_trial_alone(tmp_path: Path) -> None:
    summary = study(tmp_path, space_of(RATE), trials=6)
    assert summary.best is not None
    kept = [folder.parent.name for folder in tmp_path.glob("trial-*/checkpoints")]
    assert kept == [f"trial-{summary.best.number:04d}"]


def test_no_trial_is_given_a_test_film(tmp_path: Path) -> None:
    study(tmp_path, space_of(RATE), trials=1)
    again = FILMS.where(lambda film: film.split != "test")
    assert len(study(tmp_path, space_of(RATE), trials=1, films=again).trials) == 1, "they are no part of the study"
