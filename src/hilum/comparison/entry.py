"""One detector that is compared: what it said of the films, its figures and its cost, from an evaluation's folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hilum.errors import RequestError
from hilum.records import Predictions, read_predictions


@dataclass(frozen=True, slots=True)
class Cost:
    """What a detector costs; None where it is not known.

    Attributes:
        parameters: as Keras counts them, of all its networks; of a system without one, the numbers that it keeps.
        multiply_adds: for one film.
        training_seconds: of all epochs, or of all that was tried, on the machine that it was trained on.
        films_a_second: how many it judges once they are preprocessed, measured with the others in one run.
    """

    parameters: int | None = None
    multiply_adds: int | None = None
    training_seconds: float | None = None
    films_a_second: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One detector that is compared.

    Attributes:
        name: unlike the others'.
        predictions: what it said of the films.
        metrics: what `metrics.json` holds.
        cost: what it costs.
        history: the rows of `history.csv`.
    """

    name: str
    predictions: Predictions
    metrics: dict[str, Any]
    cost: Cost
    history: tuple[dict[str, float], ...]


def read_entry(folder: Path, name: str) -> Entry:
    """Read what `hilum evaluate` wrote.

    Raises:
        RequestError: the folder holds no evaluation, one that this Hilum cannot read, or probabilities that are none.
    """
    path = folder / "metrics.json"
    try:
        metrics = json.loads(path.read_text("utf-8"))
        classes, threshold, detector = metrics["classes"], metrics["threshold"], metrics["detector"]
    except (FileNotFoundError, NotADirectoryError):
        raise RequestError(
            f"{folder}: no evaluation and no run; name a run's folder, or what hilum evaluate --out wrote"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"{path}: not written by this hilum evaluate ({error}); evaluate again") from None
    predictions = read_predictions(folder / "predictions.csv", tuple(classes), threshold)
    wrong = next((row for row in predictions if not all(0 <= prob <= 1 for prob in row.probs)), None)
    if wrong is not None:
        raise RequestError(
            f"{folder / 'predictions.csv'}: {wrong.film.path} has the probabilities "
            f"{', '.join(f'{prob:g}' for prob in wrong.probs)}, and each has to lie from 0 to 1; evaluate again"
        )
    history = tuple(detector["history"])
    seconds = sum(row.get("seconds", 0.0) for row in history) or None
    cost = Cost(detector["parameters"], detector["multiply_adds"], seconds)
    return Entry(name, predictions, metrics, cost, history)
