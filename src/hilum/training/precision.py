"""Whether this machine gains from bfloat16: measured once, written down, found again."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from hilum.files import cache_folder, write_text

PAYS_FROM = 1.1  # times as fast as float32: below that, rounding is not worth it
_FILMS, _CHANNELS, _SIDE, _ROUNDS = 4, 64, 56, 7


class Measured(msgspec.Struct, frozen=True):
    """Milliseconds of a 3×3 convolution and its gradients, the best of several, in each number format."""

    float32: float
    bfloat16: float

    @property
    def pays(self) -> bool:
        """Whether bfloat16 is faster by enough."""
        return self.float32 >= PAYS_FROM * self.bfloat16


@cache
def bfloat16_pays() -> bool:
    """Whether training on this processor gains from bfloat16.

    Instructions for it do not say: some processors gain nothing by theirs, and others emulate it at a tenth of the
    speed. What was measured is kept in `precision.json` among what can be computed again (`files.cache_folder`),
    under the processor and torch's version, so that one machine always answers the same; remove the file to measure
    again.
    """
    return measured(cache_folder() / "precision.json").pays


def measured(path: Path) -> Measured:
    """What the file knows of this machine; where it knows nothing, that is measured and written into it."""
    key = f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    known = _read(path)
    if key not in known:
        known[key] = measure()
        with suppress(OSError):  # a full or read-only disk: it is measured again next time
            write_text(path, msgspec.json.format(msgspec.json.encode(known), indent=1).decode() + "\n")
    return known[key]


def _read(path: Path) -> dict[str, Measured]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Measured])
    except (OSError, msgspec.DecodeError):
        return {}


def measure() -> Measured:
    """Time both number formats, in turn; a tenth of a second, or one where bfloat16 is emulated."""
    times: dict[bool, list[float]] = {False: [], True: []}
    steps = {bfloat16: _step(bfloat16) for bfloat16 in times}
    for number in range(_ROUNDS):
        for bfloat16, step in steps.items():
            started = time.perf_counter()
            step()
            if number:  # the first one sets things up
                times[bfloat16].append(1000 * (time.perf_counter() - started))
        if number and times[True][0] > 4 * times[False][0]:
            break
    return Measured(float32=min(times[False]), bfloat16=min(times[True]))


def _step(bfloat16: bool) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)  # the run's own generator is not touched

    def drawn(*shape: int) -> Tensor:
        values = torch.randn(*shape, generator=generator).contiguous(memory_format=torch.channels_last)
        return values.requires_grad_()

    maps, weights = drawn(_FILMS, _CHANNELS, _SIDE, _SIDE), drawn(_CHANNELS, _CHANNELS, 3, 3)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            output = functional.conv2d(maps, weights, padding=1)
        torch.autograd.grad(output.sum(), (maps, weights))

    return step


def processor() -> str:
    """This processor and what torch uses of it, such as `AMD EPYC, family 26, model 2, AVX512, bfloat16`."""
    known = {}
    if (info := Path("/proc/cpuinfo")).exists():
        for line in info.read_text().split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            known[name.strip()] = value.strip()
    parts = [known.get("model name") or platform.processor() or platform.machine()]
    parts += [f"{what.removeprefix('cpu ')} {known[what]}" for what in ("cpu family", "model") if what in known]
    parts.append(torch.backends.cpu.get_cpu_capability())
    if torch.cpu._is_avx512_bf16_supported():
        parts.append("bfloat16")
    if torch.cpu._is_amx_tile_supported():
        parts.append("AMX")
    return ", ".join(parts)
