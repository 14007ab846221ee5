"""Writing a bundle: the torch half."""

from __future__ import annotations

import datetime
import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import hilum
from hilum import models
from hilum.bundle.card import card
from hilum.bundle.golden import golden_films, write_golden
from hilum.bundle.onnx_export import export_onnx
from hilum.bundle.read import CARD_NAME, GOLDEN_NAME, ONNX_NAME, SPEC_NAME, WEIGHTS_NAME, Bundle, read, seal_of
from hilum.bundle.spec import SCHEMA, Calibration, OperatingPoint, Spec, SplitCard, probabilities
from hilum.errors import RequestError
from hilum.files import sha256_of, write_text
from hilum.recipe import Recipe
from hilum.records import Figure, Manifest


def write(
    model: nn.Module,
    folder: Path,
    *,
    recipe: Recipe,
    classes: tuple[str, ...],
    manifest: Manifest,
    operating_point: OperatingPoint,
    figures: Mapping[str, Figure],
    history: list[dict[str, float]],
) -> Bundle:
    """Write everything that a prediction needs into one folder, which appears whole or not at all.

    Args:
        model: on the CPU, in evaluation mode, already rounded to `recipe.bundle.weights`.
        folder: is replaced where it already is a bundle.
        recipe: resolved.
        classes: the positive one last.
        manifest: the films that were trained and validated on.
        operating_point: where to decide.
        figures: on validation.
        history: a row an epoch.

    Raises:
        RequestError: the folder exists and is no bundle.
        HilumError: the ONNX network does not say what the torch network says.
    """
    if folder.exists() and not (folder / SPEC_NAME).exists():
        raise RequestError(f"{folder}: exists and is no bundle; name another folder")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    half = recipe.bundle.weights == "float16"
    export_onnx(model, golden_films(recipe.pixels), part / ONNX_NAME, half=half)
    # Whoever starts another network from these weights learns from the file what they expect to be shown.
    expects = {"architecture": recipe.model.name, "normalise": recipe.model.normalise}
    save_file(_stored(model, half), part / WEIGHTS_NAME, metadata=expects)

    def probs(films: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return probabilities(model(torch.from_numpy(films)[:, None].float() / 255).numpy())

    write_golden(part / GOLDEN_NAME, recipe.pixels, probs)
    spec = Spec(
        schema=SCHEMA,
        hilum=hilum.__version__,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        recipe=recipe,
        classes=classes,
        operating_point=operating_point,
        calibration=Calibration(),
        data={split: _split_card(manifest.split(split)) for split in ("train", "val")},
        data_fingerprint=_data_fingerprint(manifest),
        code_fingerprint=_code_fingerprint(),
        metrics=dict(figures),
        history=history,
        files={},
    )
    write_text(part / CARD_NAME, card(spec, models.count_parameters(model).total))
    files = {path.name: sha256_of(path) for path in sorted(part.iterdir())}
    # What is sealed is what a reader decodes: JSON has no NaN, for one.
    record = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(spec, files=files)))
    record["seal"] = seal_of(record)
    write_text(part / SPEC_NAME, msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    return read(folder)


def load_model(bundle: Bundle) -> models.Network:
    """Build a bundle's torch network with its weights: on the CPU, float32, in evaluation mode."""
    recipe = bundle.spec.recipe
    model = models.build(recipe.model, recipe.pixels.size, len(bundle.spec.classes))
    model.load_state_dict(load_file(bundle.weights))
    return model.eval()


def _stored(model: nn.Module, half: bool) -> dict[str, torch.Tensor]:
    return {
        name: (tensor.half() if half and tensor.is_floating_point() and tensor.ndim >= 2 else tensor).contiguous()
        for name, tensor in model.state_dict().items()
    }


def _split_card(manifest: Manifest) -> SplitCard:
    names = (
        f"{film.label}/{film.subtype}" if film.subtype not in ("", film.label) else film.label for film in manifest
    )
    return SplitCard(
        films=dict(sorted(Counter(names).items())),
        patients=len({film.patient for film in manifest if film.patient}),
    )


def _data_fingerprint(manifest: Manifest) -> str:
    """The same films with the same labels in the same splits give the same fingerprint, wherever they lie."""
    lines = sorted(f"{film.sha256} {film.label} {film.subtype} {film.split}" for film in manifest)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _code_fingerprint() -> str:
    source = Path(hilum.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*.py")):
        digest.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
