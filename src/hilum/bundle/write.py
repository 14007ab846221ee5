"""Writing a bundle: the torch half."""

from __future__ import annotations

import datetime
import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

import hilum
from hilum import models
from hilum.bundle.card import card
from hilum.bundle.golden import Probs, golden_films, write_golden
from hilum.bundle.onnx_export import export_onnx
from hilum.bundle.read import (
    CARD_NAME,
    GATE_NAME,
    GOLDEN_NAME,
    ONNX_NAME,
    SPEC_NAME,
    WEIGHTS_NAME,
    Bundle,
    read,
    seal_of,
)
from hilum.bundle.spec import SCHEMA, Chosen, Member, Spec, SplitCard, probabilities
from hilum.bundle.weights import deployed, load_model, save_weights
from hilum.confidence import Calibration, calibrated
from hilum.errors import RequestError
from hilum.files import sha256_of, write_text
from hilum.gate import Gate, write_gate
from hilum.recipe import Recipe
from hilum.records import Manifest

__all__ = ["data_fingerprint", "load_model", "rewrite", "write"]


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
    part = _part_of(folder)
    half = recipe.bundle.weights == "float16"
    model = deployed(networks, recipe, members)
    export_onnx(model, golden_films(recipe.pixels), part / ONNX_NAME, half=half)

    write_golden(part / GOLDEN_NAME, recipe.pixels, _probs_of(model, chosen.calibration))
    spec = Spec(
        schema=SCHEMA,
        hilum=hilum.__version__,
        created=_today(),
        recipe=recipe,
        classes=classes,
        operating_point=chosen.operating_point,
        calibration=chosen.calibration,
        conformal=chosen.conformal,
        scores=chosen.scores,
        data=_data_card(manifest, members),
        data_fingerprint=data_fingerprint(manifest),
        code_fingerprint=_code_fingerprint(),
        metrics=chosen.metrics,
        history=history,
        files={},
        members=members,
        out_of_fold=out_of_fold,
        parameters=models.count_parameters(model).total,
        multiply_adds=models.multiply_adds(model, recipe.pixels.size),
    )
    save_weights(networks, spec.recipes, part / WEIGHTS_NAME, half=half)
    if gate:
        write_gate(gate, part / GATE_NAME)
    return _seal(spec, part, folder)


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
    part = _part_of(folder)
    kept = (opened.onnx, opened.weights, None if gate else opened.gate)
    for path in filter(None, kept):
        shutil.copyfile(path, part / path.name)
    if gate:
        write_gate(gate, part / GATE_NAME)
    model = load_model(opened)
    write_golden(part / GOLDEN_NAME, recipe.pixels, _probs_of(model, chosen.calibration))
    spec = msgspec.structs.replace(
        opened.spec,
        schema=SCHEMA,
        hilum=hilum.__version__,
        created=_today(),
        recipe=recipe,
        operating_point=chosen.operating_point,
        calibration=chosen.calibration,
        conformal=chosen.conformal,
        scores=chosen.scores,
        code_fingerprint=_code_fingerprint(),
        metrics=chosen.metrics,
        parameters=models.count_parameters(model).total,
        multiply_adds=models.multiply_adds(model, recipe.pixels.size),
        out_of_fold=False,
    )
    return _seal(spec, part, folder)


def _part_of(folder: Path) -> Path:
    """Where a bundle is written until it is whole.

    Raises:
        RequestError: the folder exists and is no bundle.
    """
    if folder.exists() and not (folder / SPEC_NAME).exists():
        raise RequestError(f"{folder}: exists and is no bundle; name another folder")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def _seal(spec: Spec, part: Path, folder: Path) -> Bundle:
    """Write card and record beside the other files, and put the whole in its place."""
    write_text(part / CARD_NAME, card(spec, (part / GATE_NAME).exists()))
    files = {path.name: sha256_of(path) for path in sorted(part.iterdir())}
    # What is sealed is what a reader decodes: JSON has no NaN, for one.
    record = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(spec, files=files, seal="")))
    record["seal"] = seal_of(record)
    write_text(part / SPEC_NAME, msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    return read(folder)


def _probs_of(model: nn.Module, calibration: Calibration) -> Probs:
    """What a bundle of this network says of preprocessed films."""

    def probs(films: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            given = probabilities(model(torch.from_numpy(films)[:, None].float() / 255).numpy())
        return calibrated(calibration, given)

    return probs


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def data_fingerprint(manifest: Manifest) -> str:
    """The same films with the same labels in the same splits give the same fingerprint, wherever they lie."""
    lines = sorted(f"{film.sha256} {film.label} {film.subtype} {film.split}" for film in manifest)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _data_card(manifest: Manifest, members: Sequence[Member]) -> dict[str, SplitCard]:
    """Several networks may each have learnt from films of their own."""
    learnt = {
        f"train ({number}: {member.recipe.name})": member.data["train"]
        for number, member in enumerate(members, start=1)
    }
    return {**(learnt or {"train": _split_card(manifest.split("train"))}), "val": _split_card(manifest.split("val"))}


def _split_card(manifest: Manifest) -> SplitCard:
    names = (
        f"{film.label}/{film.subtype}" if film.subtype not in ("", film.label) else film.label for film in manifest
    )
    return SplitCard(
        films=dict(sorted(Counter(names).items())),
        patients=len({film.patient for film in manifest if film.patient}),
    )


def _code_fingerprint() -> str:
    source = Path(hilum.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*.py")):
        digest.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
