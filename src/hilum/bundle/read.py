"""Opening a bundle: whole, unchanged and of a schema that we know, or refused. No torch here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hilum.bundle.spec import PIPELINE_NAME, READABLE, Spec
from hilum.errors import BundleError, RequestError
from hilum.files import read_regular, sha256_of

SHIPPED = Path(__file__).parents[1] / "shipped"  # the bundle that comes with Hilum

SPEC_NAME = "bundle.json"
ONNX_NAME = "model.onnx"
WEIGHTS_NAME = "weights.safetensors"
GOLDEN_NAME = "golden.json"
CARD_NAME = "CARD.md"
GATE_NAME = "gate.json"
INT8_NAME = "int8.onnx"
INT8_RECORD_NAME = "int8.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle.

    Attributes:
        folder: where it lies.
        spec: the content of its `bundle.json`.
    """

    folder: Path
    spec: Spec

    @property
    def onnx(self) -> Path:
        """The network for ONNX Runtime: `films` (n, 1, size, size) float32 in [0, 1] → `logits` (n, outputs)."""
        return self.folder / ONNX_NAME

    @property
    def weights(self) -> Path:
        """The network's weights, by the names of its torch module."""
        return self.folder / WEIGHTS_NAME

    @property
    def pipeline(self) -> Path:
        """What a system without a network has fitted; see `hilum.classical`."""
        return self.folder / PIPELINE_NAME

    @property
    def gate(self) -> Path | None:
        """What films the detector was made for; None where it was made without a gate."""
        return self.folder / GATE_NAME if GATE_NAME in self.spec.files else None

    @property
    def int8(self) -> Path | None:
        """The same network in 8-bit integers, taken and given as `onnx`; None where nobody has made it."""
        return self.folder / INT8_NAME if INT8_NAME in self.spec.files else None

    @property
    def int8_record(self) -> Path:
        """What was measured when it was made, and its predictions on generated films."""
        return self.folder / INT8_RECORD_NAME

    @property
    def golden(self) -> Path:
        """Predictions on generated films."""
        return self.folder / GOLDEN_NAME


def read(folder: Path | str) -> Bundle:
    """Open a bundle and check every byte of it against its seal.

    >>> read("shipped").spec.recipe.name
    'hilum'

    Args:
        folder: where it lies, or `shipped` for the one that comes with Hilum.

    Raises:
        BundleError: it is not a bundle, is incomplete, was changed, or has another schema.
    """
    folder = SHIPPED if str(folder) == "shipped" else Path(folder)
    path = folder / SPEC_NAME
    try:
        content = read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{folder}: not a bundle, there is no {SPEC_NAME}; a run's lies in RUN/bundle") from None
    try:
        record = msgspec.json.decode(content, type=dict[str, Any])
        schema = record["schema"]
    except (msgspec.DecodeError, KeyError):
        raise BundleError(
            f"{path}: damaged, not a bundle's JSON; take the bundle again from where it was made"
        ) from None
    if schema not in READABLE:
        *older, newest = READABLE
        readable = f"{', '.join(map(str, older))} and {newest}"
        raise BundleError(f"{path}: schema {schema}; this Hilum reads {readable}: install the one that wrote it")
    try:
        spec = msgspec.json.decode(content, type=Spec)
    except msgspec.ValidationError as error:
        raise BundleError(f"{path}: damaged ({error}); take the bundle again from where it was made") from None
    if spec.seal != seal_of(record):
        raise BundleError(f"{path}: changed after it was written; take the bundle again from where it was made")
    for name, digest in spec.files.items():
        if not (folder / name).is_file():
            raise BundleError(f"{folder}: {name} is missing; take the bundle again from where it was made")
        if sha256_of(folder / name) != digest:
            raise BundleError(
                f"{folder / name}: changed after it was written; take the bundle again from where it was made"
            )
    return Bundle(folder, spec)


def require_network(opened: Bundle, reason: str) -> None:
    """Refuse a bundle of a system without a network.

    Args:
        opened: the bundle.
        reason: why a network is needed, as the middle of a sentence.

    Raises:
        RequestError: it holds no network.
    """
    recipe = opened.spec.recipe
    if recipe.classical:
        raise RequestError(
            f"{opened.folder}: {recipe.name} is a system without a network ({recipe.system}), and {reason}; "
            "name a network's bundle"
        )


def seal_of(record: dict[str, Any]) -> str:
    """SHA-256 of a bundle's decoded JSON object, written with sorted keys and an empty seal.

    The object and not the typed record is sealed: a field that this Hilum has and the bundle's writer had not would
    add its default to the record, and break the seal.
    """
    canonical = json.dumps({**record, "seal": ""}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
