"""Films as hypothesis draws them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilum.metrics.counts import Bools, Floats


@st.composite
def films(draw: st.DrawFn, both_classes: bool = True) -> tuple[Bools, Floats, Floats]:
    """Labels, probabilities with many ties, and whole-number weights that leave each class a film."""
    n = draw(st.integers(2, 40))
    labels = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    probs = np.array(draw(st.lists(st.sampled_from([tenth / 10 for tenth in range(11)]), min_size=n, max_size=n)))
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=np.float64)
    if both_classes:
        labels[:2] = [False, True]
        weights[:2] = np.maximum(weights[:2], 1)
    return labels, probs, weights


@st.composite
def several_films(draw: st.DrawFn, all_classes: bool = True) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Labels of three or four classes, probabilities with many ties, and whole-number weights, as above."""
    classes, n = draw(st.integers(3, 4)), draw(st.integers(8, 30))
    labels = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)), dtype=np.intp)
    parts = draw(st.lists(st.lists(st.integers(0, 4), min_size=classes, max_size=classes), min_size=n, max_size=n))
    probs = np.array(parts, dtype=np.float64)
    probs[probs.sum(axis=1) == 0] = 1
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=np.float64)
    if all_classes:
        labels[:classes] = range(classes)
        weights[:classes] = np.maximum(weights[:classes], 1)
    return labels, probs / probs.sum(axis=1, keepdims=True), weights
