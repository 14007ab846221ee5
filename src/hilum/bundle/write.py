"""Writing a bundle: the torch half."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from hilum import models
from hilum.bundle.golden import Probs, golden_films, write_golden
from hilum.bundle.onnx_export import export_onnx
from hilum.bundle.read import GATE_NAME, GOLDEN_NAME, ONNX_NAME, WEIGHTS_NAME, Bundle
from hilum.bundle.seal import part_of, seal, spec_of, stamped
from hilum.bundle.spec import Chosen, Member, probabilities
from hilum.bundle.weights import deployed, load_model, save_weights
from hilum.confidence import Calibration, calibrated
from hilum.gate import Gate, write_gate
from hilum.recipe import Recipe
from hilum.records import Manifest

__all__ = ["load_model", "rewrite", "write"]


def write(
    networks: Sequence[models.Network],
    folder: Path,
    *,
    recipe: Recipe,
    classes: tuple[str, ...],
    manifest: Manifest,
    chosen: Chosen,
    gate: Gate | None,
    history: list[dict[str, float]],
    members: tuple[Member, ...] = (),
    out_of_fold: bool = False,
) -> Bundle:
    """Write everything that a prediction needs into one folder, which appears whole or not at all.

    Args:
        networks: the one that learnt, or several; on the CPU, already rounded to `recipe.bundle.weights`. What is
            exported is what `deployed` makes of them.
        folder: is replaced where it already is a bundle.
        recipe: resolved.
        classes: the positive one last.
        manifest: the films that were trained and validated on; of several networks, those that were validated on
            together.
        chosen: what validation films decided, and their figures.
        gate: what films it was made for.
        history: a row an epoch.
        members: where there are several networks, what each brings, in their order.
        out_of_fold: the figures are of each film by the one network that had not seen it; all are in val.

    Raises:
        RequestError: the folder exists and is no bundle.
        HilumError: the ONNX network does not say what the torch network says.
    """
    part = part_of(folder)
    half = recipe.bundle.weights == "float16"
    model = deployed(networks, recipe, members)
    export_onnx(model, golden_films(recipe.pixels), part / ONNX_NAME, half=half)

    write_golden(part / GOLDEN_NAME, recipe.pixels, _probs_of(model, chosen.calibration))
    spec = msgspec.structs.replace(
        spec_of(recipe, classes, manifest, chosen, history, members),
        out_of_fold=out_of_fold,
        parameters=models.count_parameters(model).total,
        multiply_adds=models.multiply_adds(model, recipe.pixels.size),
    )
    save_weights(networks, spec.recipes, part / WEIGHTS_NAME, half=half)
    if gate:
        write_gate(gate, part / GATE_NAME)
    return seal(spec, part, folder)


def rewrite(opened: Bundle, folder: Path, *, recipe: Recipe, chosen: Chosen, gate: Gate | None = None) -> Bundle:
    """Write a bundle anew with the same network, and other choices of where and how it decides.

    Args:
        opened: the bundle whose network it is.
        folder: as for `write`.
        recipe: resolved; the bundle's own but for `[bundle]`.
        chosen: what validation films decided, and their figures.
        gate: another one than the bundle's own, which None keeps.

    Raises:
        RequestError: the folder exists and is no bundle.
    """
    part = part_of(folder)
    kept = (opened.onnx, opened.weights, None if gate else opened.gate)
    for path in filter(None, kept):
        shutil.copyfile(path, part / path.name)
    if gate:
        write_gate(gate, part / GATE_NAME)
    model = load_model(opened)
    write_golden(part / GOLDEN_NAME, recipe.pixels, _probs_of(model, chosen.calibration))
    spec = msgspec.structs.replace(
        stamped(opened.spec, recipe, chosen),
        parameters=models.count_parameters(model).total,
        multiply_adds=models.multiply_adds(model, recipe.pixels.size),
        out_of_fold=False,
    )
    return seal(spec, part, folder)


def _probs_of(model: nn.Module, calibration: Calibration) -> Probs:
    """What a bundle of this network says of preprocessed films."""

    def probs(films: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            given = probabilities(model(torch.from_numpy(films)[:, None].float() / 255).numpy())
        return calibrated(calibration, given)

    return probs
