"""Reading a file of weights, whatever its format and its library, as tensors under our networks' names."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from hilum.errors import HilumError, RequestError
from hilum.files import open_regular
from hilum.weights.keras import read_keras
from hilum.weights.names import rename
from hilum.weights.origin import origin

_BODIES = ("body.", "model/body.")  # before every name in a bundle, and in a checkpoint's network
_HDF5, _ZIP, _PICKLE = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80"


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """What a file of weights holds.

    Attributes:
        path: the file.
        tensors: by our networks' names, which are torchvision's where it has them, on the CPU;
            floating-point ones are float32.
        expects: the `model.normalise` that they were trained with; "" where that is unknown.
        architecture: its name in `hilum models`; "" where that is unknown.
    """

    path: Path
    tensors: dict[str, Tensor]
    expects: str = ""
    architecture: str = ""


def read(path: Path) -> WeightsFile:
    """Read safetensors (a bundle or a checkpoint too), torch's `.pth` or Keras' `.h5`, by their first bytes.

    Architecture and normalisation come from the file's header, else from the name of a published file, and of a Keras
    file from the names of its layers. Code in a file is never run.

    Raises:
        RequestError: the file is missing, damaged, of another format, or holds more than tensors.
    """
    try:
        with open_regular(path) as file:
            start = file.read(9)
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror}); name a file of weights") from None
    known = origin(path.name)
    architecture, expects = known.architecture, known.expects
    try:
        if start.startswith(_HDF5):
            architecture, tensors = read_keras(path)
            expects = "vgg"  # all that Keras' applications publish of these architectures is of Caffe's convention
        elif start[8:] == b"{":
            tensors, header = _read_safetensors(path)
            architecture, expects = header.get("architecture", architecture), header.get("normalise", expects)
        elif path.suffix == ".keras":
            raise RequestError(
                f"{path}: a whole Keras model; save model.save_weights('trunk.weights.h5') and give that"
            )
        elif start.startswith((_ZIP, _PICKLE)):
            tensors = _read_torch(path, mapped=start.startswith(_ZIP))
        else:
            raise RequestError(
                f"{path}: not weights in a format that Hilum reads; give .safetensors, torch's .pth or Keras' .h5"
            )
    except HilumError:
        raise
    except Exception as error:  # the parsers of three formats raise many kinds of error for damaged bytes
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RequestError(f"{path}: damaged, or not downloaded whole ({reason}); get the file again") from None
    tensors = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    named = rename(tensors)
    return WeightsFile(path, named.tensors, expects or named.expects, architecture)


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        names = [name for name in names if name.startswith("model/")] or names
        prefix = next((body for body in _BODIES if all(name.startswith(body) for name in names)), "")
        tensors = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
        return tensors, file.metadata() or {}


def _read_torch(path: Path, mapped: bool) -> dict[str, Tensor]:
    """`weights_only` rebuilds tensors and plain containers and refuses every other callable."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickles that are refused anyway
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError:
        raise RequestError(
            f"{path}: holds more than tensors (perhaps code, which is never run), or is damaged; save "
            "model.state_dict() alone, best as .safetensors"
        ) from None
    if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
        raise RequestError(f"{path}: is not a plain dictionary of tensors; save model.state_dict() alone")
    return {str(name): tensor.detach() for name, tensor in content.items()}
