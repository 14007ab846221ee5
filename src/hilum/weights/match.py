"""What of a file goes into a network: by names, shapes and the normalisation in front."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hilum import models
from hilum.errors import RequestError
from hilum.recipe import Model
from hilum.weights.read import WeightsFile
from hilum.weights.report import Report, Reshaped, some

_COUNTER = ".num_batches_tracked"  # older files are without it, and no figure depends on it
_FITTING = {"vgg": ("vgg", "film-vgg"), "imagenet": ("imagenet", "film")}  # of the scale that the weights are used to


def head_prefix(network: models.Network) -> str:
    """What the names of the dense layers' weights start with, such as `classifier.`."""
    return next(f"{name}." for name, module in network.body.named_modules() if module is network.body.dense)


def match(
    file: WeightsFile, offered: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> tuple[Report, dict[str, Tensor]]:
    """Pair what a file offers with what a network wants, by name and shape; gives the weights that fit, too."""
    taken: dict[str, Tensor] = {}
    folded, reshaped = [], []
    for name, ours in wanted.items():
        if (tensor := offered.get(name)) is None:
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
        missing=tuple(name for name in wanted if name not in offered and not name.endswith(_COUNTER)),
        left_over=tuple(name for name in offered if name not in wanted),
        reshaped=tuple(reshaped),
        folded=tuple(folded),
        expects=file.expects,
    )
    return report, taken


def give(network: models.Network, taken: Mapping[str, Tensor], file: WeightsFile) -> None:
    """Copy weights into a network.

    Raises:
        RequestError: some are infinite or no numbers; nothing is copied then.
    """
    broken = [name for name, tensor in taken.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise RequestError(
            f"{file.path}: not all values of {some(broken)} are numbers; where that is the head alone set "
            "weights.part=trunk, else get another file"
        )
    network.body.load_state_dict(taken, strict=False)


def other_normalisation(file: WeightsFile, model: Model) -> str:
    """How the network's normalisation is not the one that the weights were trained behind, in words; or nothing."""
    fitting = _FITTING.get(file.expects, (file.expects,))
    if not file.expects or model.normalise in fitting:
        return ""
    ways = (
        f"model.normalise={name}" + (" (with model.channels=3)" if name in _FITTING and model.channels != 3 else "")
        for name in fitting
    )
    trained = f"trained behind model.normalise={file.expects}, and the network has {model.normalise}"
    return f"{trained}; set {' or '.join(ways)}"
