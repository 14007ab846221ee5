"""Parameters, multiply-adds, memory and receptive field of an architecture, computed on torch's meta device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakTensorKeyDictionary

from hilum.models.counts import count_parameters
from hilum.models.registry import build
from hilum.recipe import Model

BATCH = 32  # films of the training step whose memory is given


class Published(NamedTuple):
    """What a source reports about a network with its own input and 1,000 outputs; None where it reports nothing."""

    million_parameters: float | None = None
    billion_multiply_adds: float | None = None


# Simonyan & Zisserman, ICLR 2015, table 2; He et al., CVPR 2016, table 1, whose networks of 50 layers and more halve
# the map in the first 1×1 convolution. The parameters of ResNet-50 and DenseNet-121 are torchvision's: the papers
# have none. EfficientNet-Lite: the table in Google's README (2020).
PUBLISHED = {
    "vgg11": Published(133),
    "vgg11-lrn": Published(133),
    "vgg13": Published(133),
    "vgg16-c": Published(134),
    "vgg16": Published(138),
    "vgg19": Published(144),
    "resnet18": Published(None, 1.8),
    "resnet34": Published(None, 3.6),
    "resnet50": Published(25.6),
    "resnet50-paper": Published(25.6, 3.8),
    "resnet101-paper": Published(None, 7.6),
    "resnet152-paper": Published(None, 11.3),
    "efficientnet-lite0": Published(4.7, 0.407),
    "efficientnet-lite1": Published(5.4, 0.631),
    "efficientnet-lite2": Published(6.1, 0.899),
    "densenet121": Published(8.0),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of one architecture at one input size.

    Attributes:
        parameters: the number of parameters, as papers and torch count them.
        keras_total: the same with the running mean and variance of each batch norm, as Keras counts them.
        trainable: the number of parameters that are not frozen.
        multiply_adds: the number of multiply-adds of convolutions and dense layers for one film.
        receptive_field: side, in pixels, of the receptive field of a value of the trunk's last map, without regard to
            padding and to the normalisation of the whole film.
        feature_shape: channels, height and width of the trunk's last maps.
        step_bytes: memory in bytes of a training step with 32 films in float32: weights, gradients,
            Adam's two states, and the activations that the backward pass needs. The temporary memory of operations is
            not included.
        stages: names that `transfer.frozen` takes, but for `trunk`.
        attribution_layers: `Body.attribution_layers`.
    """

    parameters: int
    keras_total: int
    trainable: int
    multiply_adds: int
    receptive_field: int
    feature_shape: tuple[int, int, int]
    step_bytes: int
    stages: tuple[str, ...]
    attribution_layers: tuple[str, ...]


def profile(spec: Model, size: int, classes: int = 2, frozen: str = "") -> Profile:
    """Compute the profile of an architecture.

    Args:
        spec: as for `build`.
        size: the side of the input images in pixels.
        classes: the number of classes.
        frozen: the last stage that is frozen, or `trunk`; empty freezes none.

    Raises:
        RecipeError: as `build` and `Network.split`.
    """
    with torch.device("meta"):
        network = build(spec, size, classes)
        films = torch.empty(BATCH, 1, size, size)
    if frozen:
        network.split(frozen)[0].requires_grad_(False)
    body = network.body
    maps = network.normalise(films)
    saved, reach, multiplications = (
        _Saved((*network.parameters(), *network.buffers())),
        _ReceptiveField(maps),
        FlopCounterMode(display=False),
    )
    with saved, multiplications, reach:
        for stage in body.stages.values():
            maps = stage(maps)
        field, _ = reach.of[maps]
        body.dense(body.pool(maps))
    parameters = sum(parameter.numel() for parameter in network.parameters())
    counts = count_parameters(network)
    _, channels, height, width = maps.shape
    return Profile(
        parameters=parameters,
        keras_total=counts.total,
        trainable=counts.trainable,
        multiply_adds=multiplications.get_total_flops() // (2 * BATCH),
        receptive_field=field,
        feature_shape=(channels, height, width),
        step_bytes=4 * (counts.total + 3 * counts.trainable) + saved.bytes,
        stages=tuple(body.stages),
        attribution_layers=body.attribution_layers,
    )


def step_memory(model: nn.Module, inputs: torch.Size) -> tuple[float, float]:
    """The memory of a training step: bytes for any batch, and bytes per film; as `Profile.step_bytes`.

    Args:
        model: a network, or a half of one.
        inputs: the shape of its input for one film.
    """
    own = {name: values.detach().to("meta") for name, values in (*model.named_parameters(), *model.named_buffers())}
    for name, parameter in model.named_parameters():
        own[name].requires_grad_(parameter.requires_grad)
    saved = _Saved(own.values())
    with saved:
        functional_call(model, own, (torch.empty(BATCH, *inputs, device="meta"),))
    total = sum(values.numel() for values in own.values())
    trainable = sum(values.numel() for values in own.values() if values.requires_grad)
    return 4.0 * (total + 3 * trainable), saved.bytes / BATCH


class _Saved(saved_tensors_hooks):
    """Counts the bytes that the backward pass needs: each storage once, and not the network's parameters."""

    def __init__(self, own: Iterable[Tensor]) -> None:
        # References to the storages are kept, so that the address of a freed one is not used again.
        self._storages = {values.untyped_storage()._cdata: values.untyped_storage() for values in own}
        self.bytes = 0
        super().__init__(self._count, lambda values: values)

    def _count(self, values: Tensor) -> Tensor:
        storage = values.untyped_storage()
        if storage._cdata not in self._storages:
            self._storages[storage._cdata] = storage
            self.bytes += storage.nbytes()
        return values


class _ReceptiveField(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Tracks receptive field and step, in pixels of the input, through every operation; `of` has them by tensor.

    A window of k after a field r with step s has the field r + (k - 1)·s; its stride multiplies the step. Where
    branches meet, the larger field counts. Source: Araujo, Norris & Sim, "Computing receptive fields of convolutional
    neural networks", Distill 2019.
    """

    def __init__(self, films: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.of = WeakTensorKeyDictionary({films: (1, 1)})

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.native_batch_norm.default:
            # torch computes its shapes in Python, which took half of the time.
            maps, *_ = args
            outputs = (torch.empty_like(maps), maps.new_empty(maps.shape[1]), maps.new_empty(maps.shape[1]))
        else:
            outputs = func(*args, **(kwargs or {}))
        known = [self.of[value] for value in tree_leaves(args) if isinstance(value, Tensor) and value in self.of]
        if known:
            field, step = max(field for field, _ in known), max(step for _, step in known)
            window, stride = _window(func, args)
            for output in tree_leaves(outputs):
                if isinstance(output, Tensor):
                    self.of[output] = (field + (window - 1) * step, step * stride)
        return outputs


def _window(func: Any, args: Any) -> tuple[int, int]:
    """Width and stride of a convolution's or a pool's window; 1 and 1 for operations on single pixels."""
    operators = torch.ops.aten
    if func is operators.convolution.default:
        _, weight, _, stride, _, dilation, *_ = args
        return dilation[-1] * (weight.shape[-1] - 1) + 1, stride[-1]
    if func in (operators.max_pool2d_with_indices.default, operators.avg_pool2d.default):
        _, window, stride, *_ = args
        return window[-1], stride[-1]
    return 1, 1
