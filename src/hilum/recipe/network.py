"""Tables of a recipe about the network: `[model]`, `[weights]`, `[init]` and `[transfer]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """Which network.

    Attributes:
        name: an architecture of `hilum models`.
        channels: of the first convolution; a network of three is shown the grey film in each.
        normalise: what happens to grey values from 0 to 1 before the first convolution, inside the network. `film`
            takes each film's own mean away and divides by its own deviation; `none` leaves them; `imagenet` is
            what torchvision's weights expect, `vgg` what VGG's original ones do (both three channels); `film-vgg`
            is `film` at the scale of `vgg`.
        head: `own` is the architecture's published one; `s2` the study's for VGG-16 (dense 512, dense 128,
            outputs); `linear` averages each feature map and has one dense layer.
        output: `sigmoid` has one logit for two classes, `softmax` one for each class; `auto` takes the first for two
            classes and the second for more.
    """

    name: str = "s1-cnn"
    channels: Literal[1, 3] = 1
    normalise: Literal["film", "none", "imagenet", "vgg", "film-vgg"] = "film"
    head: Literal["own", "s2", "linear"] = "own"
    output: Literal["auto", "sigmoid", "softmax"] = "auto"


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the network's first weights come from; without a source they are drawn.

    Attributes:
        source: a file (torchvision's `.pth`, `.safetensors`, Keras' `.h5`, a run's checkpoint), a URL, a bundle's
            folder, or the name of a file in `$HILUM_WEIGHTS`, with or without its ending.
        sha256: of the file; required for a URL.
        part: `all` takes every weight, `trunk` all but the head's.
        mismatch: `error` refuses weights that are missing, left over or of another shape; `skip` takes what fits and
            says what did not.
    """

    source: str = ""
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    part: Literal["all", "trunk"] = "all"
    mismatch: Literal["error", "skip"] = "error"


class Init(Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """How a deep VGG starts from a trained configuration A (Simonyan & Zisserman, ICLR 2015, section 3.1).

    Attributes:
        source: (`from` in the recipe) the trained VGG-11's weights, named as in `[weights]`; its first four
            convolutions and its dense layers are taken.
        deviation: of the normal distribution that every other weight is drawn from; biases are 0.
    """

    source: str = ""
    deviation: Annotated[float, Meta(gt=0)] = 1e-3


class Transfer(Struct, frozen=True, forbid_unknown_fields=True):
    """What of the network learns, and when.

    Attributes:
        frozen: the last stage that never learns, by its name in `hilum models`, or `trunk` for all up to the dense
            layers; empty lets everything learn. What frozen stages give is computed once and stored.
        also: frozen stages whose maps are stored in the same pass, for a later run that freezes no more than these.
        views: how many drawn views of each film are stored beside the film itself; an epoch takes one of them
            for each film.
        gradual: epochs between two thaws, where the stages that may learn thaw one by one from the last;
            0 lets all of them learn at once.
        layer_decay: each stage learns at this fraction of the rate of the one behind it.
        batch_norm: `train` lets batch norms learn as their stage does, `frozen` keeps their statistics and weights.
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
