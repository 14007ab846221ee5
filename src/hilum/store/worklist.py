"""The order of the work-list: what is most suspicious and least certain first, and what waits does not wait for ever.

The order grows with the time that a film has waited. It grows alike for all films, so that one number, fixed when a
film comes in, sorts the list at any later time.
"""

from __future__ import annotations

from datetime import datetime

from hilum.records import NOT_SURE, Prediction

AGEING_PER_HOUR = 0.1  # a film is overtaken by none that comes ten hours after it


def priority(row: Prediction, threshold: float | None) -> float:
    """Suspicion times uncertainty, 0 to 1.

    Suspicion is the probability of the last class. Uncertainty is 1 where the answer is *not sure* and falls with the
    probability's distance from the threshold to one half, so that a sure finding is not last. A film that was not
    judged has 0: such films have a lane of their own.

    >>> from hilum.records import Film
    >>> priority(Prediction(Film(""), (0.1, 0.9), "PNEUMONIA", answer="not sure"), 0.5)
    0.9
    >>> round(priority(Prediction(Film(""), (0.1, 0.9), "PNEUMONIA", answer="PNEUMONIA"), 0.5), 2)
    0.54
    """
    if not row.probs:
        return 0.0
    suspicion = row.probs[-1]
    if row.answer == NOT_SURE:
        return suspicion
    middle = 0.5 if threshold is None else threshold
    distance = abs(suspicion - middle) / max(middle, 1 - middle)
    return suspicion * (1 - distance / 2)


def work_order(row: Prediction, threshold: float | None, created: datetime) -> float:
    """A film's place on the list: the larger, the earlier. Films of one hour differ by their priorities alone."""
    return priority(row, threshold) - AGEING_PER_HOUR * created.timestamp() / 3600
