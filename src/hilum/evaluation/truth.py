"""What the films are known to show, against which predictions are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hilum.errors import RequestError
from hilum.metrics.counts import Bools, Floats
from hilum.records import Film, Prediction, Predictions


@dataclass(frozen=True, slots=True)
class Judged:
    """The films that have both a label and a probability, in order.

    Attributes:
        rows: their predictions.
        labels: `(n,)`, true for the positive class.
        probs: `(n,)`, probability of the positive class.
        patients: one identifier a film, `""` where unknown.
    """

    rows: tuple[Prediction, ...]
    labels: Bools
    probs: Floats
    patients: tuple[str, ...]

    @property
    def one_class(self) -> bool:
        """Whether a class is missing, so that nothing can be compared with it."""
        return bool(self.labels.all() or not self.labels.any())


def judged(predictions: Predictions) -> Judged:
    """The rows that can be judged.

    Raises:
        RequestError: there are not two classes, or a label is none of them.
    """
    require_known_labels((row.film for row in predictions), predictions.classes)
    rows = tuple(row for row in predictions if row.film.label and not row.error)
    positive = predictions.classes[-1]
    return Judged(
        rows,
        np.array([row.film.label == positive for row in rows], dtype=bool),
        np.array([row.probs[-1] for row in rows], dtype=np.float64),
        tuple(row.film.patient for row in rows),
    )


def require_known_labels(films: Iterable[Film], classes: tuple[str, ...]) -> None:
    """Refuse labels that a detector cannot be judged by: one that it does not know would count as negative.

    Raises:
        RequestError: there are not two classes, or a label is none of them; the line names both.
    """
    if len(classes) != 2:
        raise RequestError(f"two classes can be evaluated, and this bundle has {len(classes)}: {', '.join(classes)}")
    strangers = Counter(film.label for film in films if film.label and film.label not in classes)
    if strangers:
        named = ", ".join(
            f"'{label}' ({count} film{'s' * (count != 1)})" for label, count in strangers.most_common(5)
        )
        more = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
        raise RequestError(
            f"the bundle knows {classes[0]} and {classes[1]}, and these films are labelled {named}{more}; "
            "rename the labels in the manifest, or leave those films out"
        )
