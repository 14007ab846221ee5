"""Which number format a run trains in: what the recipe says, or what this machine is faster in."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn import functional

from hilum import models
from hilum.machine import processor_fields, processor_name
from hilum.measurements import measured_once
from hilum.places import cache_folder
from hilum.recipe import Model, Recipe, Training

MIN_SPEEDUP = 1.1  # of bfloat16 over float32: below that, rounding is not worth it
_BATCH, _CHANNELS, _SIDE, _ROUNDS = 4, 64, 56, 7


def uses_bfloat16(scheme: Training, *, depthwise: bool = False) -> bool:
    """Whether training computes in bfloat16; `auto` takes what this machine is faster in.

    Args:
        scheme: the recipe's section `[training]`.
        depthwise: whether the network has convolutions of single channels (`has_depthwise`).
    """
    if scheme.precision != "auto":
        return scheme.precision == "bfloat16"
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bfloat16_pays(depthwise)


def pin_precision(recipe: Recipe) -> Recipe:
    """Return the recipe with the precision that this machine takes for `auto`.

    A run that is resumed, maybe on another machine, then does not change its precision half-way.
    """
    if recipe.training.precision != "auto":
        return recipe
    depthwise = has_depthwise(recipe.model)
    taken = uses_bfloat16(recipe.training, depthwise=depthwise)
    precision: Literal["bfloat16", "float32"] = "bfloat16" if taken else "float32"
    return replace(recipe, training=replace(recipe.training, precision=precision))


def has_depthwise(spec: Model) -> bool:
    """Whether a network has convolutions of single channels, as EfficientNet's.

    >>> has_depthwise(Model(name="efficientnet-lite0", channels=3)), has_depthwise(Model(name="resnet18"))
    (True, False)
    """
    with torch.device("meta"):
        network = models.build(spec, 224)
    return any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in network.modules())


class ConvolutionTimes(msgspec.Struct, frozen=True):
    """Milliseconds of a convolution and its gradients, the best of several, in each number format.

    >>> ConvolutionTimes(float32=12.0, bfloat16=10.0).bfloat16_pays
    True
    """

    float32: float
    bfloat16: float

    @property
    def bfloat16_pays(self) -> bool:
        """Whether bfloat16 is faster by at least `MIN_SPEEDUP`."""
        return self.float32 >= MIN_SPEEDUP * self.bfloat16


@cache
def bfloat16_pays(depthwise: bool = False) -> bool:
    """Whether training on this processor gains from bfloat16.

    A 3×3 convolution decides for most networks, and a block of EfficientNet for those with depthwise convolutions:
    on some processors bfloat16 is twice as fast in the former and slower in the latter.

    That the processor has instructions for it does not decide this: some processors gain nothing by theirs, and
    others emulate it at a tenth of the speed. What was measured is kept in `precision.json` in the cache folder
    (`places.cache_folder`), by processor, threads and version of torch, so that one machine always decides the same;
    remove the file to measure again.
    """
    return convolution_times(cache_folder() / "precision.json", depthwise).bfloat16_pays


def convolution_times(path: Path, depthwise: bool = False) -> ConvolutionTimes:
    """Return what the file knows of this machine, or measure it and keep it there."""
    key = f"{describe_processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    key += ", depthwise" if depthwise else ""
    return measured_once(path, key, ConvolutionTimes, lambda: measure_convolution(depthwise))


def measure_convolution(depthwise: bool = False) -> ConvolutionTimes:
    """Time both number formats in turn: a tenth of a second, or one second where bfloat16 is emulated."""
    times: dict[bool, list[float]] = {False: [], True: []}
    steps = {bfloat16: _step(bfloat16, depthwise) for bfloat16 in times}
    for number in range(_ROUNDS):
        for bfloat16, step in steps.items():
            started = time.perf_counter()
            step()
            if number:  # the first one sets things up
                times[bfloat16].append(1000 * (time.perf_counter() - started))
        if number and times[True][0] > 4 * times[False][0]:
            break
    return ConvolutionTimes(float32=min(times[False]), bfloat16=min(times[True]))


def _step(bfloat16: bool, depthwise: bool) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)  # the run's own generator is not touched

    def drawn(*shape: int) -> Tensor:
        values = torch.randn(*shape, generator=generator).contiguous(memory_format=torch.channels_last)
        return values.requires_grad_()

    # The first block of EfficientNet's third stage: it widens six times, filters each channel alone, and narrows.
    # oneDNN is slow at gradients of its 5×5 filters and strides in bfloat16, not at those of all depthwise filters.
    if depthwise:
        maps = drawn(_BATCH, 24, _SIDE, _SIDE)
        layers = [(drawn(144, 24, 1, 1), 1, 1), (drawn(144, 1, 5, 5), 2, 144), (drawn(40, 144, 1, 1), 1, 1)]
    else:
        maps, layers = drawn(_BATCH, _CHANNELS, _SIDE, _SIDE), [(drawn(_CHANNELS, _CHANNELS, 3, 3), 1, 1)]
    weights = [each for each, _, _ in layers]

    def step() -> None:
        output = maps
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            for each, stride, groups in layers:
                output = functional.conv2d(output, each, None, stride, each.shape[-1] // 2, groups=groups)
        torch.autograd.grad(output.sum(), (maps, *weights))

    return step


def describe_processor() -> str:
    """Return this processor and what torch uses of it, such as `AMD EPYC, family 26, model 2, AVX512, bfloat16`."""
    fields = processor_fields()
    parts = [processor_name() or platform.machine()]
    parts += [f"{name.removeprefix('cpu ')} {fields[name]}" for name in ("cpu family", "model") if name in fields]
    parts.append(torch.backends.cpu.get_cpu_capability())
    if torch.cpu._is_avx512_bf16_supported():
        parts.append("bfloat16")
    if torch.cpu._is_amx_tile_supported():
        parts.append("AMX")
    return ", ".join(parts)
