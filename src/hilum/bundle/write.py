"""Writing a bundle, whatever predicts in it. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum.bundle.adapted import Adaptation
from hilum.bundle.consistency import GOLDEN_NAME, LUNGS_NAME, SIGNATURE_NAME, SPEC_NAME
from hilum.bundle.golden import write_golden
from hilum.bundle.read import GATE_NAME, Bundle, lung_finder
from hilum.bundle.seal import part_of, put_in_place, seal, spec_of, stamped
from hilum.bundle.signature import tell_unsigned
from hilum.bundle.spec import Decisions, Member, decisions_of
from hilum.confidence import calibrated
from hilum.files import read_regular
from hilum.gate import Gate, write_gate
from hilum.metrics.counts import Floats
from hilum.pixels.region import finder_of, pin_lungs
from hilum.recipe import Recipe
from hilum.records import Manifest

if TYPE_CHECKING:
    from hilum.lungs import LungFinder


class ModelSize(NamedTuple):
    """How large a model is.

    Attributes:
        parameters: of all networks, as Keras counts them, or the numbers that a fitted pipeline holds.
        multiply_adds: for one film; 0 where nobody counts them.
    """

    parameters: int
    multiply_adds: int


class Payload(Protocol):
    """What predicts in a bundle: one or several networks (`NetworkPayload`) or a pipeline (`PipelinePayload`)."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that `save` writes."""

    @property
    def members(self) -> tuple[Member, ...]:
        """What each of several networks brings; empty for everything else."""

    @property
    def made_with(self) -> dict[str, str]:
        """Versions of the libraries that the files depend on, by name."""

    def save(self, folder: Path) -> None:
        """Write the files into a folder."""

    def probs(self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> Floats:
        """Predict preprocessed films: probabilities (n, classes) float64, not calibrated.

        Args:
            squares: (n, size, size) uint8.
            lungs: of the same shape, where films are cropped to their lungs: 255 inside them, 0 elsewhere.
        """

    def size(self, folder: Path) -> ModelSize:
        """How large the model is whose files lie in this folder."""


def write(
    payload: Payload,
    folder: Path,
    *,
    recipe: Recipe,
    classes: tuple[str, ...],
    manifest: Manifest,
    decisions: Decisions,
    gate: Gate | None,
    history: list[dict[str, float]],
    out_of_fold: bool = False,
    lungs: LungFinder | None = None,
) -> Bundle:
    """Write everything that a prediction needs into one folder, which appears whole or not at all.

    Args:
        payload: what predicts.
        folder: replaced where it already is a bundle.
        recipe: resolved.
        classes: the positive one last.
        manifest: the films of training and validation; of several networks, those of their common validation.
        decisions: what was chosen on the validation films, and the figures there.
        gate: describes the films that the bundle is made for.
        history: a row an epoch, or a row for each choice that was tried.
        out_of_fold: whether each film's figures come from the one network that had not seen it; all are in val.
        lungs: the lung network that the films were cropped by, where they were; None takes the one that comes with
            Hilum. It becomes part of the bundle.

    Raises:
        RequestError: the folder exists and is no bundle.
        HilumError: a network's ONNX file does not give what the torch network gives.
    """
    with part_of(folder) as part:
        payload.save(part)
        if finder := finder_of(recipe.pixels, lungs):
            (part / LUNGS_NAME).write_bytes(finder.onnx)
            recipe = replace(recipe, pixels=pin_lungs(recipe.pixels, finder))
        _write_golden(part, recipe, payload, classes, decisions, finder)
        if gate:
            write_gate(gate, part / GATE_NAME)
        spec = spec_of(recipe, classes, manifest, decisions, history, payload.members)
        size = payload.size(part)
        spec = replace(spec, out_of_fold=out_of_fold, made_with=payload.made_with, **size._asdict())
        return seal(spec, part, folder)


def rewrite(
    opened: Bundle,
    payload: Payload,
    folder: Path,
    *,
    recipe: Recipe,
    decisions: Decisions | None,
    gate: Gate | None = None,
    adaptation: Adaptation | None = None,
) -> Bundle:
    """Write a bundle again with what predicts in it, and with another calibration and operating point.

    Args:
        opened: the bundle.
        payload: what predicts in it; its files are copied byte by byte, unless the adaptation is of its weights.
        folder: as for `write`.
        recipe: resolved; the bundle's own but for `[bundle]`.
        decisions: what was chosen on other films, and the figures there; None keeps the bundle's.
        gate: replaces the bundle's own; None keeps that.
        adaptation: on what it was adapted, which is added to what the bundle says of itself.

    Raises:
        RequestError: the folder exists and is no bundle.
        HilumError: a network's ONNX file does not give what the torch network gives.
    """
    with part_of(folder) as part:
        copied = payload.files if adaptation is None or adaptation.rung in (None, "decisions") else ()
        if not copied:
            payload.save(part)
        for name in (*copied, *([LUNGS_NAME] if opened.holds(LUNGS_NAME) else [])):
            (part / name).write_bytes(opened.content(name))
        if gate:
            write_gate(gate, part / GATE_NAME)
        elif (kept := opened.gate) is not None:
            (part / GATE_NAME).write_bytes(kept)
        chosen = decisions or decisions_of(opened.spec)
        _write_golden(part, recipe, payload, opened.spec.classes, chosen, lung_finder(opened))
        spec = replace(stamped(opened.spec, recipe, chosen), **payload.size(part)._asdict())
        if decisions:
            spec = replace(spec, out_of_fold=False)
        spec = replace(spec, adapted=(*spec.adapted, *([adaptation] if adaptation else [])))
        written = seal(spec, part, folder)
        tell_unsigned(folder, [opened.folder])
        return written


def copy(opened: Bundle, folder: Path) -> None:
    """Copy a bundle byte by byte, with its signature where it has one.

    Raises:
        RequestError: the folder exists and is no bundle.
    """
    with part_of(folder) as part:
        for name in opened.spec.files:
            (part / name).write_bytes(opened.content(name))
        for name in (SPEC_NAME, SIGNATURE_NAME):
            if (opened.folder / name).exists():
                (part / name).write_bytes(read_regular(opened.folder / name))
        put_in_place(part, folder)


def _write_golden(
    part: Path,
    recipe: Recipe,
    payload: Payload,
    classes: tuple[str, ...],
    decisions: Decisions,
    lungs: LungFinder | None,
) -> None:
    """Write what the payload gives for generated films, calibrated, and what is decided by it."""

    def probs(films: NDArray[np.uint8], of_films: NDArray[np.uint8] | None) -> Floats:
        return calibrated(decisions.calibration, payload.probs(films, of_films))

    threshold = decisions.operating_point.threshold
    write_golden(part / GOLDEN_NAME, recipe.pixels, probs, classes, threshold, lungs)
