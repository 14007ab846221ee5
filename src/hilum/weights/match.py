"""Which weights of a file fit a network, by name, by shape and by the normalisation before it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hilum import models
from hilum.errors import RequestError
from hilum.models.normalise import THREE_CHANNELS
from hilum.recipe import Model
from hilum.weights.read import WeightsFile
from hilum.weights.report import Report, Reshaped, some

_COUNTER = ".num_batches_tracked"  # older files lack it, and no result depends on it
# Normalisations of the same scale.
_FITTING = {
    "vgg": ("vgg", "film-vgg"),
    "imagenet": ("imagenet", "film"),
    "efficientnet": ("efficientnet", "film-efficientnet"),
}


def head_prefix(network: models.Network) -> str:
    """The prefix of the names of the dense layers' weights, such as `classifier.`."""
    return next(f"{name}." for name, module in network.body.named_modules() if module is network.body.dense)


def match(
    file: WeightsFile, available: Mapping[str, Tensor], needed: Mapping[str, Tensor]
) -> tuple[Report, dict[str, Tensor]]:
    """Match a file's weights with those that a network needs; returns a report and the weights that fit."""
    taken: dict[str, Tensor] = {}
    folded, reshaped = [], []
    for name, ours in needed.items():
        if (tensor := available.get(name)) is None:
            continue
        if ours.ndim == 4 and ours.shape[1] == 1 and tensor.shape == (ours.shape[0], 3, *ours.shape[2:]):
            tensor = tensor.sum(dim=1, keepdim=True)
            folded.append(name)
        if tensor.shape == ours.shape:
            taken[name] = tensor
        else:
            reshaped.append(Reshaped(name, tuple(tensor.shape), tuple(ours.shape)))
    report = Report(
        source=str(file.path),
        matched=tuple(taken),
        missing=tuple(name for name in needed if name not in available and not name.endswith(_COUNTER)),
        left_over=tuple(name for name in available if name not in needed),
        reshaped=tuple(reshaped),
        folded=tuple(folded),
        expects=file.expects,
    )
    return report, taken


def load_tensors(network: models.Network, taken: Mapping[str, Tensor], file: WeightsFile) -> None:
    """Copy weights into a network.

    Raises:
        RequestError: some values are NaN or infinite; nothing is copied then.
    """
    broken = [name for name, tensor in taken.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise RequestError(
            f"{file.path}: some values of {some(broken)} are NaN or infinite; where these are the head's alone set "
            "weights.part=trunk, else get another file"
        )
    network.body.load_state_dict(taken, strict=False)


def other_normalisation(file: WeightsFile, model: Model) -> str:
    """A sentence about the normalisation where it is not the one that the weights were trained with; else empty."""
    fitting = _FITTING.get(file.expects, (file.expects,))
    if not file.expects or model.normalise in fitting:
        return ""
    ways = (
        f"model.normalise={name}"
        + (" (with model.channels=3)" if name in THREE_CHANNELS and model.channels != 3 else "")
        for name in fitting
    )
    trained = f"trained with model.normalise={file.expects}, and the network has {model.normalise}"
    return f"{trained}; set {' or '.join(ways)}"
