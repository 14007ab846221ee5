"""Evaluations made up: detectors of known skill on the same films."""

from __future__ import annotations

import numpy as np

from hilum.comparison import Cost, Entry
from hilum.records import Film, Prediction, Predictions

CLASSES = ("NORMAL", "PNEUMONIA")
THREE = ("NORMAL", "bacteria", "virus")


def films(n: int, classes: tuple[str, ...] = CLASSES) -> list[Film]:
    """Two films a patient."""
    return [Film(f"f{i}.png", classes[i % len(classes)], patient=f"p{i // 2}", split="val") for i in range(n)]


def entry(name: str, skill: float, n: int = 200, seed: int = 0, classes: tuple[str, ...] = CLASSES) -> Entry:
    """A detector whose logits lie `skill` deviations apart; the noise of a film is mostly its own, not the seed's."""
    shared, own = np.random.default_rng(99), np.random.default_rng(seed)
    rows = []
    for film in films(n, classes):
        noise = 0.9 * shared.normal(size=len(classes)) + 0.4 * own.normal(size=len(classes))
        logits = noise + skill * np.eye(len(classes))[classes.index(film.label)]
        probs = np.exp(logits) / np.exp(logits).sum()
        rows.append(Prediction(film, tuple(probs.tolist()), classes[int(probs.argmax())]))
    threshold = 0.5 if len(classes) == 2 else None
    history = tuple({"epoch": float(epoch), "val_loss": 1 / epoch, "seconds": 2.0} for epoch in (1, 2))
    return Entry(name, Predictions(classes, threshold, tuple(rows)), Cost(1000, 2_000_000, 4.0), name, history)
