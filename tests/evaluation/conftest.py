"""Films, predictions and bundles as this package meets them, made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from hilum.bundle.spec import SCHEMA, OperatingPoint, Spec, SplitCard
from hilum.confidence import Calibration
from hilum.evaluation import BatteryResult, ShiftFigures, WorstShift
from hilum.pixels import chest_phantom
from hilum.recipe import Pixels, Recipe
from hilum.records import Figure, Film, Prediction, Predictions

CLASSES = ("NORMAL", "PNEUMONIA")
THRESHOLD = 0.4
THREE = ("NORMAL", "bacteria", "virus")
HISTORY = [
    {"epoch": epoch, "seconds": 9.5, "train_loss": 1 / epoch, "val_loss": 1.1 / epoch, "val_auroc": 1 - 0.1 / epoch,
     "learning_rate": 1e-3 / epoch}
    for epoch in range(1, 6)
]  # fmt: skip


def made_up(n: int, seed: int = 0, paths: Callable[[int], str] = "film{}.png".format) -> Predictions:
    """Predictions of `n` films, three in five positive, two films a patient; fairly good ones."""
    draws = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        positive = number % 5 < 3
        prob = float(1 / (1 + np.exp(-(draws.normal() * 1.5 + (2 if positive else -2)))))
        film = Film(
            path=paths(number),
            label=CLASSES[positive],
            subtype=("bacteria", "virus")[number % 2] if positive else "",
            patient=f"person{number // 2}",
            split="test",
        )
        rows.append(Prediction(film, (1 - prob, prob), CLASSES[prob >= THRESHOLD]))
    return Predictions(CLASSES, THRESHOLD, tuple(rows))


def made_up_three(n: int, seed: int = 0, classes: tuple[str, ...] = THREE) -> Predictions:
    """Predictions of `n` films of three classes, two films a patient; the second and the third are confused."""
    draws = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        label = number % 3
        logits = draws.normal(size=3) + 3 * np.eye(3)[label] + 1.5 * np.array([0, label > 0, label > 0])
        probs = np.exp(logits) / np.exp(logits).sum()
        film = Film(f"film{number}.png", classes[label], patient=f"person{number // 2}", split="test")
        rows.append(Prediction(film, tuple(probs.tolist()), classes[int(probs.argmax())]))
    return Predictions(classes, None, tuple(rows))


def made_up_spec(history: list[dict[str, float]] | None = None, classes: tuple[str, ...] = CLASSES) -> Spec:
    """What a small bundle says about itself."""
    two = len(classes) == 2
    point = OperatingPoint(THRESHOLD, "youden", "the films of val") if two else OperatingPoint(None, "argmax", "")
    return Spec(
        schema=SCHEMA,
        hilum="0.1.0",
        created="2025-01-01",
        recipe=Recipe("tiny", labels="label" if two else "subtype", pixels=Pixels(size=32)),
        classes=classes,
        operating_point=point,
        calibration=Calibration(),
        data={"train": SplitCard({"NORMAL": 20, "PNEUMONIA/virus": 30}, 0), "val": SplitCard({"NORMAL": 5}, 4)},
        data_fingerprint="da7a" * 16,
        code_fingerprint="c0de" * 16,
        metrics={},
        history=history or [],
        files={},
    )


def span(figure: Figure) -> tuple[float, float, float]:
    """The low end, the value and the high end of a figure that has all three."""
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    return figure.low, figure.value, figure.high


def value_of(figure: Figure | WorstShift | None) -> float:
    """The value of a figure that is defined."""
    assert figure is not None
    assert figure.value is not None
    return figure.value


def battery(
    mean: float, worst: float, shift: str, sensitivity_and_specificity: dict[str, tuple[float, float]]
) -> BatteryResult:
    """A battery of shifts as if it had been measured."""
    nothing = Figure(None)
    return BatteryResult(
        battery="shifts-1",
        n=100,
        patients=50,
        n_failed=0,
        n_unlabelled=0,
        threshold=THRESHOLD,
        unshifted=ShiftFigures(nothing, nothing, nothing, nothing),
        per_shift={
            name: ShiftFigures(nothing, Figure(sensitivity), Figure(specificity), nothing)
            for name, (sensitivity, specificity) in sensitivity_and_specificity.items()
        },
        auroc_mean=Figure(mean),
        sensitivity_mean=nothing,
        specificity_mean=nothing,
        accuracy_mean=nothing,
        auroc_worst=WorstShift(shift, worst),
    )


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    """Forty films on disk: the odd ones have opacities, and two of each patient follow one another."""
    folder: Path = tmp_path_factory.mktemp("films")
    films = []
    for number in range(40):
        path = folder / f"{number}.png"
        picture = chest_phantom(number, (72, 96), opacity=0.9 * (number % 2))
        assert cv2.imwrite(str(path), np.rint(picture * 255).astype(np.uint8))
        films.append(Film(str(path), CLASSES[number % 2], patient=f"person{number // 4}"))
    return films
