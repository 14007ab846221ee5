"""Which checkpoint is kept, by which figure, and when a run stops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hilum.errors import RecipeError
from hilum.recipe import Training, parse_recipe
from hilum.training.checkpoint import Progress
from hilum.training.model_selection import check_monitor, monitored_value, should_keep, stops_early

ROW = {"val_loss": 0.3, "val_accuracy": 0.9, "val_auroc": 0.95, "val_views_loss": 0.4, "val_views_auroc": 0.85,
       "val_shifted_loss": 0.6, "val_shifted_auroc": 0.75}  # fmt: skip


@pytest.mark.parametrize(
    ("monitor", "cost"),
    [
        ("loss", 0.3),
        ("accuracy", -0.9),
        ("auroc", -0.95),
        ("views_loss", 0.4),
        ("views_auroc", -0.85),
        ("shifted_loss", 0.6),
        ("shifted_auroc", -0.75),
    ],
)
def test_what_is_monitored_costs_less_where_it_is_better(monitor: str, cost: float) -> None:
    scheme = Training(monitor=monitor, val_views=2, val_shifts=True)  # type: ignore[arg-type]
    assert monitored_value(ROW, scheme) == cost


@pytest.mark.parametrize(
    ("epoch", "cost", "kept"),
    [(1, 0.1, False), (3, 0.4, True), (3, 0.5, False), (4, 0.6, False), (4, math.nan, False)],
)
def test_the_best_after_the_first_epochs_is_kept(epoch: int, cost: float, kept: bool) -> None:
    run = Progress(epoch=epoch, kept_epoch=2, kept_value=0.5)
    assert should_keep(run, cost, Training(min_epochs=2, epochs=9)) is kept


def test_the_last_epoch_is_kept_where_no_figure_was_a_number() -> None:
    assert should_keep(Progress(epoch=9), math.nan, Training(epochs=9))


def test_stops_so_many_epochs_after_the_best() -> None:
    scheme = Training(early_stopping=3)
    assert [stops_early(Progress(epoch=epoch, kept_epoch=4), scheme) for epoch in (5, 6, 7)] == [False, False, True]
    assert not stops_early(Progress(epoch=7, kept_epoch=0), scheme)
    assert not stops_early(Progress(epoch=99, kept_epoch=1), Training(early_stopping=0))


def test_auroc_of_one_class_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"training\.monitor = auroc: all 5 validation films are of one class"):
        check_monitor(Training(monitor="auroc"), np.ones(5, dtype=np.int64))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            {"monitor": "views_loss"},
            "monitor = views_loss is measured on augmented views, and there are none; set val_views=4",
        ),
        ({"monitor": "shifted_auroc"}, "monitor = shifted_auroc is measured on shifted films; set val_shifts=true"),
        ({"min_epochs": 5, "epochs": 4}, r"min_epochs \(5\) is larger than epochs \(4\)"),
        ({"schedule": "one-cycle", "warmup_epochs": 1}, "one-cycle has a warm-up of its own"),
        ({"monitor": "f1"}, "training.monitor: Invalid enum value 'f1'"),
    ],
)
def test_a_scheme_that_cannot_be_is_refused(table: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        parse_recipe({"name": "r", "training": table}, "r.toml")
