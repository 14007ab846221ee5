"""Initialising a deep VGG from a shallow one. Source: Simonyan & Zisserman, ICLR 2015, section 3.1."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from hilum import models
from hilum.errors import RecipeError
from hilum.models.vgg import VGG
from hilum.recipe import Init, Model
from hilum.weights.locate import locate
from hilum.weights.match import head_prefix, load_tensors, match, other_normalisation
from hilum.weights.read import read
from hilum.weights.report import Report

# Configuration A's convolutions. The first four are copied, to the same stage and the same place in it.
_COPIED = {"features.0": (0, 0), "features.3": (1, 0), "features.6": (2, 0), "features.8": (2, 1)}
_OTHERS = ("features.11", "features.13", "features.16", "features.18")


def start_from_vgg11(network: models.Network, spec: Init, model: Model) -> Report:
    """Copy configuration A's first four convolutions and its dense layers into a VGG and draw every other weight.

    The others are drawn from N(0, deviation²), from torch's global generator, with biases of 0; batch norms stay as
    they are.

    Args:
        network: a VGG as `models.build` made it; after an error it is unchanged.
        spec: the recipe's `[init]`; its source is a VGG-11 with the same head.
        model: the recipe's `[model]`, by which the network was built.

    Returns:
        A report of what was copied (`matched`), drawn or kept (`kept`), and which weights of the file were not used.

    Raises:
        RequestError: there is no such file, it is damaged, or values are NaN or infinite.
        RecipeError: the network is no VGG, the file is no VGG-11, its dense layers have other names or shapes, or it
            was trained with another normalisation.
    """
    if not isinstance(network.body, VGG):
        raise RecipeError(
            f"init.from: only a VGG starts from a VGG-11, and {model.name} is none; leave init.from empty"
        )
    file = read(locate(spec.source))
    head = head_prefix(network)
    trunk = {name for name in file.tensors if not name.startswith(head)}
    if trunk != {f"{name}.{kind}" for name in (*_COPIED, *_OTHERS) for kind in ("weight", "bias")}:
        raise RecipeError(
            f"init.from: {file.path} is no VGG-11 (configuration A); train one with model.name=vgg11 and give its run"
        )
    if complaint := other_normalisation(file, model):
        raise RecipeError(f"init.from: {file.path}: {complaint}")
    stages = _convolutions(network.body.features)
    goes_to = {name: name for name in file.tensors if name.startswith(head)}
    for name, (stage, place) in _COPIED.items():
        goes_to |= {f"{name}.{kind}": f"{stages[stage][place]}.{kind}" for kind in ("weight", "bias")}
    ours = network.body.state_dict()
    report, taken = match(
        file,
        available={target: file.tensors[name] for name, target in goes_to.items()},
        needed={name: tensor for name, tensor in ours.items() if name.startswith(head) or name in goes_to.values()},
    )
    if report.discrepancies():
        raise RecipeError(
            f"init.from: {file.path} does not fit {model.name}: {report.discrepancies()}; train the VGG-11 with the "
            "same model.head, model.channels, classes and pixels.size"
        )
    load_tensors(network, taken, file)
    for name, layer in network.body.named_modules():
        if isinstance(layer, nn.Conv2d) and f"{name}.weight" not in taken:
            nn.init.normal_(layer.weight, 0, spec.deviation)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return replace(
        report,
        kept=tuple(name for name in ours if name not in taken),
        unused=tuple(name for name in file.tensors if name not in goes_to),
        notes=(f"all other convolutions drawn with a deviation of {spec.deviation:g}",),
    )


def _convolutions(features: nn.Sequential) -> list[list[str]]:
    """The names of each stage's convolutions."""
    stages: list[list[str]] = [[]]
    for name, layer in features.named_children():
        if isinstance(layer, nn.Conv2d):
            stages[-1].append(f"features.{name}")
        elif isinstance(layer, nn.MaxPool2d):
            stages.append([])
    return stages
