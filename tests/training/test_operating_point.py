"""Where the detector decides: two classes at a threshold from validation, more at the most probable."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from hilum.batches import UNSHARDED, Batch, BatchSource, Shard, Transform
from hilum.bundle import probabilities
from hilum.confidence import Calibration, calibrated, fit_conformal, score_reference
from hilum.errors import RequestError
from hilum.metrics import binary_metrics, multiclass_metrics, youden_threshold
from hilum.recipe import Recipe, parse_recipe
from hilum.records import Film, Manifest
from hilum.training import choose_operating_point

THREE = ("NORMAL", "bacteria", "virus")


class Given:
    """Films whose logits are given, so that the network is the identity; a view adds 1 to them."""

    batches_per_epoch = 1

    def __init__(self, classes: tuple[str, ...], outputs: int, n: int = 60) -> None:
        self.classes, self.labels = classes, np.arange(n) % len(classes)
        films = [
            Film(f"{number}.png", classes[label], patient=f"p{number // 2}")
            for number, label in enumerate(self.labels)
        ]
        self.manifest = Manifest(tuple(films))
        towards = np.eye(len(classes))[self.labels] if outputs > 1 else 2 * self.labels[:, None] - 1.0
        self.logits = (np.random.default_rng(0).normal(size=(n, outputs)) + towards).astype(np.float32)

    def __len__(self) -> int:
        return len(self.labels)

    def unaugmented(
        self, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        return self._said(self.logits)

    def augmented(
        self, seed: int, number: int, size: int = 64, device: torch.device | None = None, *, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        return self._said(self.logits + 1)

    def epoch(
        self, seed: int, number: int, device: torch.device | None = None, *, start: int = 0, shard: Shard = UNSHARDED
    ) -> Iterator[Batch]:
        return self.unaugmented()

    def transformed(self, change: Transform) -> BatchSource:
        raise NotImplementedError("there are no films here")

    def _said(self, logits: np.ndarray) -> Iterator[Batch]:
        numbers = np.arange(len(self))
        yield Batch(torch.from_numpy(logits), torch.from_numpy(self.labels), numbers, len(self))


def recipe_of(**bundle: object) -> Recipe:
    return parse_recipe({"name": "r", "bundle": bundle}, "test")


@pytest.mark.parametrize("outputs", [1, 2])
def test_two_classes_are_told_apart_at_youdens_threshold(outputs: int) -> None:
    val = Given(("NORMAL", "PNEUMONIA"), outputs)
    chosen = choose_operating_point(nn.Identity(), val, recipe_of())
    point, figures = chosen.operating_point, chosen.metrics
    probs = probabilities(val.logits)[:, 1]
    assert point.threshold == youden_threshold(val.labels == 1, probs)
    assert (point.rule, point.chosen_on) == ("youden", "60 validation films")
    patients = [film.patient for film in val.manifest]
    assert figures == binary_metrics(val.labels == 1, probs, point.threshold, patients, seed=1)


def test_augmented_views_join_the_films_where_the_threshold_is_chosen() -> None:
    val = Given(("NORMAL", "PNEUMONIA"), 1)
    point = choose_operating_point(nn.Identity(), val, recipe_of(operating_views=2)).operating_point
    views = [probabilities(val.logits + shift)[:, 1] for shift in (0, 1, 1)]
    assert point.threshold == youden_threshold(np.tile(val.labels == 1, 3), np.concatenate(views))
    assert point.chosen_on == "60 validation films and 2 augmented views of each"


def test_a_half_is_chosen_by_nothing() -> None:
    point = choose_operating_point(
        nn.Identity(), Given(THREE[:2], 1), recipe_of(operating_point="half")
    ).operating_point
    assert (point.threshold, point.rule, point.chosen_on) == (0.5, "half", "nothing: it is fixed")


def test_of_three_classes_the_most_probable_wins_and_each_has_its_figures() -> None:
    val = Given(THREE, 3)
    chosen = choose_operating_point(nn.Identity(), val, recipe_of(operating_views=2))
    point, figures = chosen.operating_point, chosen.metrics
    assert (point.threshold, point.rule) == (None, "argmax")
    patients = [film.patient for film in val.manifest]
    expected = multiclass_metrics(val.labels, probabilities(val.logits), patients, seed=1)
    for name, figure in expected.overall.items():
        assert figures[name] == figure
        assert figure.low is not None
    for name, group in zip(THREE, expected.per_class, strict=True):
        assert {kind: figures[f"{kind}/{name}"] for kind in group} == group
    assert len(figures) == len(expected.overall) + 15


def test_calibration_and_threshold_call_the_same_films_positive_as_without_it() -> None:
    val = Given(("NORMAL", "PNEUMONIA"), 1, 200)
    plain, corrected = (
        choose_operating_point(nn.Identity(), val, recipe_of(calibration=how)) for how in ("none", "best")
    )
    assert plain.calibration == Calibration()
    assert set(corrected.calibration.log_loss) == {"none", "temperature", "platt", "isotonic"}
    probs = probabilities(val.logits)
    for how in ("temperature", "platt", "isotonic"):
        chosen = choose_operating_point(nn.Identity(), val, recipe_of(calibration=how))
        assert chosen.calibration.method == how
        assert chosen.calibration.chosen_on == "200 validation films"
        given = calibrated(chosen.calibration, probs)[:, 1]
        assert plain.operating_point.threshold is not None
        assert chosen.operating_point.threshold is not None
        assert ((given >= chosen.operating_point.threshold) == (probs[:, 1] >= plain.operating_point.threshold)).all()
        assert chosen.metrics["auroc"] == plain.metrics["auroc"]
        assert chosen.metrics["sensitivity"] == plain.metrics["sensitivity"]


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        ({"operating_point": "sensitivity", "operating_at": 0.9}, "sensitivity of at least 0.9"),
        ({"operating_point": "specificity", "operating_at": 0.8}, "specificity of at least 0.8"),
        ({"operating_point": "cost", "miss_cost": 10, "prevalence": 0.1},
         "least cost, a miss being worth 10 false alarms where 0.1 of films are positive"),
    ],
)  # fmt: skip
def test_a_rule_is_kept_and_written_down(bundle: dict[str, object], says: str) -> None:
    chosen = choose_operating_point(
        nn.Identity(), Given(("NORMAL", "PNEUMONIA"), 1), recipe_of(calibration="platt", **bundle)
    )
    assert chosen.operating_point.rule == says
    if "operating_at" in bundle:
        value = chosen.metrics[str(bundle["operating_point"])].value
        assert value is not None
        assert value >= float(str(bundle["operating_at"]))


def test_prediction_sets_and_scores_are_of_the_films_as_they_are() -> None:
    val = Given(THREE, 3, 90)
    chosen = choose_operating_point(
        nn.Identity(), val, recipe_of(operating_views=1, calibration="temperature", coverage=0.8)
    )
    patients = [film.patient for film in val.manifest]
    probs = calibrated(chosen.calibration, probabilities(val.logits))
    assert chosen.conformal is not None
    assert chosen.conformal.thresholds == fit_conformal(val.labels, probs, patients, 0.8).thresholds
    assert chosen.scores is not None
    assert chosen.scores.scores == score_reference(val.labels, probs, patients).scores
    assert chosen.scores.chosen_on == chosen.conformal.chosen_on == "90 validation films"


def test_too_few_films_are_not_calibrated_and_said_so() -> None:
    val = Given(("NORMAL", "PNEUMONIA"), 1, 6)
    best = choose_operating_point(nn.Identity(), val, recipe_of(calibration="best")).calibration
    assert best.method == "none"
    assert best.chosen_on.startswith("nothing: ")
    with pytest.raises(RequestError, match=r"bundle\.calibration = platt: .*; set bundle\.calibration=none"):
        choose_operating_point(nn.Identity(), val, recipe_of(calibration="platt"))
