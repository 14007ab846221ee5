"""Writing a bundle of a system without a network. No torch here."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from hilum.bundle import Bundle, Chosen
from hilum.bundle.golden import write_golden
from hilum.bundle.read import GATE_NAME, GOLDEN_NAME
from hilum.bundle.seal import part_of, seal, spec_of, stamped
from hilum.bundle.spec import PIPELINE_NAME
from hilum.classical.pipeline_file import write_pipeline
from hilum.classical.system import System, load
from hilum.confidence import calibrated
from hilum.gate import Gate, write_gate
from hilum.recipe import Recipe
from hilum.records import Manifest

_LIBRARIES = ("scikit-learn", "scikit-image", "opencv-python-headless", "PyWavelets", "numpy", "scipy")


def write(
    system: System,
    folder: Path,
    *,
    recipe: Recipe,
    classes: tuple[str, ...],
    manifest: Manifest,
    chosen: Chosen,
    gate: Gate | None,
    history: list[dict[str, float]],
) -> Bundle:
    """Write everything that a prediction needs into one folder, which appears whole or not at all.

    Args:
        system: fitted.
        folder: is replaced where it already is a bundle.
        recipe: resolved.
        classes: the positive one last.
        manifest: the films that it learnt from and was validated on.
        chosen: what validation films decided, and their figures.
        gate: what films it was made for.
        history: what was tried and how it went.

    Raises:
        RequestError: the folder exists and is no bundle.
    """
    part = part_of(folder)
    numbers = write_pipeline(system.pipeline, part / PIPELINE_NAME)
    if gate:
        write_gate(gate, part / GATE_NAME)
    _write_golden(part, recipe, system, chosen)
    spec = replace(
        spec_of(recipe, classes, manifest, chosen, history),
        parameters=numbers,
        made_with={name: version(name) for name in _LIBRARIES},
    )
    return seal(spec, part, folder)


def rewrite(opened: Bundle, folder: Path, *, recipe: Recipe, chosen: Chosen, gate: Gate | None = None) -> Bundle:
    """Write a bundle anew with the same system, and other choices of where and how it decides.

    Args:
        opened: the bundle whose system it is.
        folder: as for `write`.
        recipe: resolved; the bundle's own but for `[bundle]`.
        chosen: what validation films decided, and their figures.
        gate: another one than the bundle's own, which None keeps.

    Raises:
        RequestError: the folder exists and is no bundle.
    """
    part = part_of(folder)
    for path in filter(None, (opened.pipeline, None if gate else opened.gate)):
        shutil.copyfile(path, part / path.name)
    if gate:
        write_gate(gate, part / GATE_NAME)
    _write_golden(part, recipe, load(opened), chosen)
    return seal(stamped(opened.spec, recipe, chosen), part, folder)


def _write_golden(part: Path, recipe: Recipe, system: System, chosen: Chosen) -> None:
    def probs(films: np.ndarray) -> np.ndarray:
        return calibrated(chosen.calibration, system.judge(films)[0])

    write_golden(part / GOLDEN_NAME, recipe.pixels, probs)
