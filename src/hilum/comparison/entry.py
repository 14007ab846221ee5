"""One detector that is compared: its predictions, what it is and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hilum.comparison.results import Cost
from hilum.errors import RequestError
from hilum.evaluation import DetectorRecord, read_metrics
from hilum.records import Predictions, read_predictions


@dataclass(frozen=True, slots=True)
class Entry:
    """One detector that is compared.

    Attributes:
        name: unlike the others'.
        predictions: of the films.
        cost: what it costs.
        seal: of the bundle that predicted; of a table of probabilities, the file's SHA-256.
        history: the rows of `history.csv`.
    """

    name: str
    predictions: Predictions
    cost: Cost
    seal: str = ""
    history: tuple[dict[str, float], ...] = ()


def entry_of(name: str, predictions: Predictions, detector: DetectorRecord) -> Entry:
    """An entry from a detector's predictions and record; the `seconds` of its history add up to its training time."""
    seconds = sum(row.get("seconds", 0.0) for row in detector.history) or None
    cost = Cost(detector.parameters, detector.multiply_adds, seconds)
    return Entry(name, predictions, cost, detector.seal, tuple(detector.history))


def read_entry(folder: Path, name: str) -> Entry:
    """Read what `hilum evaluate --out` wrote.

    Raises:
        RequestError: the folder holds no evaluation, or one that this Hilum cannot read.
        LayoutError: its predictions are damaged.
    """
    path = folder / "metrics.json"
    if not path.is_file():
        raise RequestError(
            f"{folder}: no evaluation and no run; name a run's folder, a bundle, a table of probabilities, or what "
            "hilum evaluate --out wrote"
        )
    metrics = read_metrics(path)
    predictions = read_predictions(folder / "predictions.csv", metrics.classes, metrics.threshold)
    return entry_of(name, predictions, metrics.detector)
