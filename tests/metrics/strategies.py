"""Films as hypothesis draws them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

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
