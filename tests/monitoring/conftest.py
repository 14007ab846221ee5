"""Answers of a detector over time, without a detector."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hilum.confidence import ScoreReference, score_reference
from hilum.records import NOT_JUDGED, NOT_SURE, Observation, Reading

CLASSES = ("NORMAL", "PNEUMONIA")
START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def observed(number: int, score: float = 0.9, *readings: Reading, **others: object) -> Observation:
    """A film's answer; four films a day."""
    predicted = CLASSES[int(score >= 0.5)]
    answer = NOT_SURE if 0.3 < score < 0.7 else predicted
    values: dict[str, object] = {
        "at": START + timedelta(hours=6 * number),
        "seal": "5ea1",
        "model": "hilum",
        "classes": CLASSES,
        "film": f"film {number}",
        "patient": "",
        "answer": answer,
        "prediction": predicted,
        "probability": score,
        "readings": readings,
    }
    return Observation(**{**values, **others})  # type: ignore[arg-type]


def stopped(number: int, reason: str = "looks rotated by 90 degrees clockwise") -> Observation:
    """A film that the gate stopped."""
    return observed(number, answer=NOT_JUDGED, reason=reason)


@pytest.fixture(scope="package")
def reference() -> ScoreReference:
    """Scores of 400 validation films."""
    labels, scores = drawn(np.random.default_rng(0), 400)
    return score_reference(labels.astype(int), np.stack([1 - scores, scores], axis=1))


def drawn(rng: np.random.Generator, films: int, prior: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Classes and scores."""
    labels = rng.random(films) < prior
    return labels, np.where(labels, rng.beta(6, 0.6, films), rng.beta(0.7, 7, films))
