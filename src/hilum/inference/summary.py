"""What a detector is, in the few entries of its `repr` and of its table in a notebook."""

from __future__ import annotations

from pathlib import Path

from hilum.bundle import Spec
from hilum.inference.engines import Engine


def summary_of(spec: Spec, engine: Engine | None, folder: Path) -> dict[str, str]:
    """The entries by their names, in order; what a bundle does not have is left out.

    Args:
        spec: the bundle's metadata.
        engine: which computes its network; None for a system without one.
        folder: of the bundle.
    """
    recipe, threshold = spec.recipe, spec.operating_point.threshold
    summary = {
        "recipe": recipe.name,
        "system": recipe.system,
        "classes": " or ".join(spec.classes),
        "px": str(recipe.pixels.size),
    }
    if threshold is not None:
        summary["threshold"] = f"{threshold:.3f}"
    if auroc := spec.metrics.get("auroc"):
        summary["validation AUROC"] = repr(auroc)
    if engine:
        summary["engine"] = f"{engine.name} {engine.precision}"
    return {**summary, "bundle": str(folder)}
