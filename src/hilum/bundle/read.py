"""Opening a bundle: whole, unchanged and of a schema that we know, or refused in one line. No torch here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.bundle.card import card_contradiction
from hilum.bundle.consistency import GOLDEN_NAME, LUNGS_NAME, LUNGS_RECORD, ONNX_NAME, SPEC_NAME, WEIGHTS_NAME
from hilum.bundle.golden import golden_contradiction, parse_golden
from hilum.bundle.keys import read_public_keys
from hilum.bundle.network_file import refuse_unsafe_network
from hilum.bundle.pin import SHIPPED_SEAL
from hilum.bundle.record import AGAIN, parse_record, seal_of
from hilum.bundle.signature import refuse_untrusted
from hilum.bundle.spec import PIPELINE_NAME, Spec
from hilum.errors import BundleError, NotAFileError, RequestError
from hilum.files import open_regular, read_regular

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

__all__ = ["Bundle", "lung_finder", "read", "require_network", "seal_of"]

SHIPPED = Path(__file__).parents[1] / "shipped"  # the bundle that comes with Hilum

CARD_NAME = "CARD.md"
GATE_NAME = "gate.json"
INT8_NAME = "int8.onnx"
INT8_RECORD_NAME = "int8.json"

_LARGEST_RECORD = 16 << 20  # bytes of a file of text; the history of ten thousand epochs has 5 MB
_LARGEST = 4 << 30  # of any other; an ONNX file ends at 2 GiB


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle.

    What it holds is given as bytes, and never as a path: they are read and checked against the record in one go, so
    that the bytes that are used are those that were checked, whatever happens to the folder in between.

    Attributes:
        folder: where it lies.
        spec: the content of its `bundle.json`.
    """

    folder: Path
    spec: Spec

    def holds(self, name: str) -> bool:
        """Whether a file is part of it."""
        return name in self.spec.files

    def content(self, name: str) -> bytes:
        """The bytes of one of its files.

        Raises:
            BundleError: the file is missing, or was changed after the bundle was opened.
        """
        content = _read(self.folder, name)
        _refuse_changed(self.folder / name, hashlib.sha256(content).hexdigest(), self.spec.files[name])
        return content

    @property
    def onnx(self) -> bytes:
        """The network for ONNX Runtime: `films` (n, 1, size, size) float32 in [0, 1] → `logits` (n, outputs), and
        `class_activation_maps` (n, outputs, rows, columns) where it can give them."""
        return self._network(ONNX_NAME)

    @property
    def weights(self) -> bytes:
        """The network's weights as safetensors, by the names of its torch module."""
        return self.content(WEIGHTS_NAME)

    @property
    def pipeline(self) -> bytes:
        """What a system without a network has fitted; see `hilum.classical`."""
        return self.content(PIPELINE_NAME)

    @property
    def gate(self) -> bytes | None:
        """What films the detector was made for; None where it was made without a gate."""
        return self.content(GATE_NAME) if self.holds(GATE_NAME) else None

    @property
    def int8(self) -> bytes | None:
        """The same network in 8-bit integers, taken and given as `onnx`; None where nobody has made it."""
        return self._network(INT8_NAME) if self.holds(INT8_NAME) else None

    @property
    def int8_record(self) -> bytes:
        """What was measured when it was made, and its predictions on generated films."""
        return self.content(INT8_RECORD_NAME)

    @property
    def lungs(self) -> bytes | None:
        """The network that finds the lungs (`hilum.lungs.LungFinder`); None where films are shown whole."""
        return self._network(LUNGS_NAME) if self.holds(LUNGS_NAME) else None

    @property
    def golden(self) -> bytes:
        """Predictions on generated films."""
        return self.content(GOLDEN_NAME)

    def _network(self, name: str) -> bytes:
        content = self.content(name)
        refuse_unsafe_network(content, str(self.folder / name))
        return content


def read(folder: Path | str, trusted: Path | str | None = None) -> Bundle:
    """Open a bundle and check every byte of it against its seal.

    >>> read("shipped").spec.recipe.name
    'hilum'

    Args:
        folder: where it lies, or `shipped` for the one that comes with Hilum, whose seal is known to the package.
        trusted: a public key (PEM), or a folder of them: the bundle must be signed by one of them. None trusts every
            bundle that is whole.

    Raises:
        BundleError: it is not a bundle, is incomplete, was changed, has another schema, contradicts itself, or is not
            signed by a key that is trusted.
        RequestError: `trusted` holds no public key.
    """
    folder = SHIPPED if str(folder) == "shipped" else Path(folder)
    path = folder / SPEC_NAME
    try:
        content = read_regular(path, _LARGEST_RECORD)
    except (FileNotFoundError, NotADirectoryError):
        if (folder / LUNGS_RECORD).exists():
            raise BundleError(
                f"{folder}: holds a network that finds lungs, and no detector; name a detector's bundle"
            ) from None
        raise BundleError(f"{folder}: not a bundle, there is no {SPEC_NAME}; a run's lies in RUN/bundle") from None
    except IsADirectoryError:
        raise BundleError(
            f"{folder}: not a bundle, its {SPEC_NAME} is a folder; a run's lies in RUN/bundle"
        ) from None
    except NotAFileError as error:
        raise BundleError(f"{path}: {error.reason}; {AGAIN}") from None
    spec = parse_record(content, str(path))
    if _is_shipped(folder) and spec.seal != SHIPPED_SEAL:
        raise BundleError(f"{folder}: not the bundle that comes with this Hilum; install Hilum again")
    if trusted is not None and spec.seal != SHIPPED_SEAL:
        refuse_untrusted(folder, spec.seal, Path(trusted))
    elif trusted is not None:
        read_public_keys(Path(trusted))  # a key that cannot be read is an error, also where none is needed
    opened = Bundle(folder, spec)
    for name, digest in spec.files.items():
        _refuse_changed(folder / name, _digest_of(folder, name), digest)
    _refuse_contradictions(opened)
    return opened


def lung_finder(opened: Bundle) -> LungFinder | None:
    """The network that finds the lungs in the films that a bundle is shown; None where it is shown whole films.

    Whatever preprocesses a film by a bundle's recipe passes it on. It is the one that comes with Hilum wherever the
    bundle was made with that, so that it is loaded once.
    """
    content = opened.lungs
    if content is None:
        return None
    from hilum.lungs import LungFinder, shipped_finder

    shipped = shipped_finder()
    return shipped if shipped.sha256 == opened.spec.files[LUNGS_NAME] else LungFinder(content)


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


def _is_shipped(folder: Path) -> bool:
    try:
        return folder.samefile(SHIPPED)
    except OSError:
        return False


def _refuse_contradictions(opened: Bundle) -> None:
    """Raise BundleError where what lies beside the record says something else than the record."""
    spec = opened.spec
    source = str(opened.folder / GOLDEN_NAME)
    found = golden_contradiction(parse_golden(opened.golden, source), spec.classes, spec.operating_point.threshold)
    if found:
        raise BundleError(f"{source}: {found}; {AGAIN}")
    if opened.holds(CARD_NAME):
        text = opened.content(CARD_NAME).decode("utf-8", errors="replace")
        if found := card_contradiction(text, spec):
            raise BundleError(f"{opened.folder / CARD_NAME}: {found}; {AGAIN}")


def _refuse_changed(path: Path, found: str, listed: str) -> None:
    if found != listed:
        raise BundleError(f"{path}: changed after it was written; {AGAIN}")


def _read(folder: Path, name: str) -> bytes:
    """The bytes of a file.

    Raises:
        BundleError: there is no such file, or it is a pipe, a device or far too large.
    """
    try:
        return read_regular(folder / name, _limit(name))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise BundleError(f"{folder}: {name} is missing; {AGAIN}") from None
    except NotAFileError as error:
        raise BundleError(f"{folder / name}: {error.reason}; {AGAIN}") from None


def _digest_of(folder: Path, name: str) -> str:
    """SHA-256 of a file, which is not kept in memory; errors as of `_read`."""
    if name.endswith((".json", ".md")):
        return hashlib.sha256(_read(folder, name)).hexdigest()
    try:
        with open_regular(folder / name) as file:
            if os.fstat(file.fileno()).st_size > _limit(name):
                raise BundleError(f"{folder / name}: larger than any network; {AGAIN}")
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise BundleError(f"{folder}: {name} is missing; {AGAIN}") from None
    except NotAFileError as error:
        raise BundleError(f"{folder / name}: {error.reason}; {AGAIN}") from None


def _limit(name: str) -> int:
    return _LARGEST_RECORD if name.endswith((".json", ".md")) else _LARGEST
