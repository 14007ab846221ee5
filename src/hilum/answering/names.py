"""What requests, results and pages call detectors."""

from __future__ import annotations

from collections.abc import Sequence

from hilum.inference import Detector


def model_names(detectors: Sequence[Detector]) -> tuple[str, ...]:
    """The names of detectors' recipes, with a part of the seal where two have the same."""
    plain = [each.spec.recipe.name for each in detectors]
    return tuple(
        name if plain.count(name) == 1 else f"{name}-{each.spec.seal[:8]}"
        for name, each in zip(plain, detectors, strict=True)
    )
