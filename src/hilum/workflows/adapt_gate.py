"""The gate of a detector that is adapted: whether it is to know a hospital's films too."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hilum.records import Manifest

if TYPE_CHECKING:
    from hilum.adaptation import LabelledFilms
    from hilum.bundle import Bundle
    from hilum.bundle.adapted import GateChange
    from hilum.gate import Gate

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True)
class AdaptedGate:
    """A gate that has learnt from a hospital's films too, and what that changed on films held out."""

    gate: Gate
    change: GateChange


def adapt_gate(opened: Bundle, manifest: Manifest, films: LabelledFilms) -> AdaptedGate | None:
    """Let a bundle's gate learn from films too, if that is shown to let more of them pass and nothing else.

    Args:
        opened: the bundle.
        manifest: the films.
        films: the same, as they are held out in turn.

    Returns:
        None where the gate is kept, or the bundle has none.
    """
    from hilum import pixels
    from hilum.adaptation.gates import cross_validate_gate, extended
    from hilum.bundle import lung_finder
    from hilum.gate.extend import GateFilms
    from hilum.inference.answers import open_gate

    gate = open_gate(opened)
    if gate is None:
        return None
    spec = opened.spec.recipe.pixels
    whole = pixels.whole_film(spec) if gate.of_whole else None
    cache = pixels.cache(manifest, whole or spec, lungs=None if whole else lung_finder(opened))
    seen = GateFilms.of(gate, (cache.films[row] for row in cache.rows(manifest)), films.recipe.seed)
    held_out = cross_validate_gate(gate, seen, films)
    if not held_out.is_better:
        logger.info(f"The gate is kept; the share of these films that it lets pass is {held_out.change.before}.")
        return None
    return AdaptedGate(extended(gate, seen, films, np.arange(len(manifest))), held_out.change)
