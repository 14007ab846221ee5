"""A training step of S1, part by part: films a second, and what each choice buys.

Batches of 32 films at 128 px. Each row is the median of several steps; rows are measured in turn, in one process,
but for glibc's habit of returning memory, which is set once a process.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import numpy as np
import torch
from torch import nn

from hilum import batches, models, pixels
from hilum.batches import Batch, apply, draw
from hilum.models.dropout import Dropout
from hilum.recipe import Augment, Batches, Model
from hilum.records import Film, Manifest
from hilum.training import film_losses
from hilum.training.device import keep_freed_memory

STEPS = 8
AUGMENT = Augment(
    rotation=20, scale=0.25, aspect=0.3, translation=0.1, flip=0.5, gamma=0.8, contrast=0.6,
    blur=(0.4, 2.0), noise=(0.4, 0.1), jpeg=(0.5, 10),
)  # fmt: skip


def main() -> None:
    """Print films a second for each way."""
    for arguments in (["as glibc does"], ["keeping freed memory", "keep"]):
        subprocess.run([sys.executable, "-m", "benchmarks.training_step", *arguments], check=True)


def measure(title: str) -> None:
    """Print the rows of one process."""
    print(f"-- {title}")
    films, labels = torch.rand(32, 1, 128, 128), torch.randint(0, 2, (32,))
    generator = torch.Generator().manual_seed(0)
    _row("draw and augment", lambda: apply(draw(AUGMENT, 32, 128, generator), films))
    _row("draw, augment, stack", partial(next, _epochs()))
    formats = {"NCHW": torch.contiguous_format, "channels-last": torch.channels_last}
    for name, memory_format in formats.items():
        for bfloat16 in (False, True):
            model = models.build(Model(), 128).to(memory_format=memory_format)  # type: ignore[call-overload]
            given = films.contiguous(memory_format=memory_format)
            _row(f"step, {name}, {'bfloat16' if bfloat16 else 'float32'}", _step(model, given, labels, bfloat16))
    for bfloat16 in (False, True):
        name = f"step, channels-last, {'bfloat16' if bfloat16 else 'float32'}"
        model = models.build(Model(), 128).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        model.get_submodule("body.features").__class__ = nn.Sequential
        _row(f"{name}, layer by layer", _step(model, films, labels, bfloat16))
        _replace_dropout(model)
        _row(f"{name}, layer by layer, torch's dropout", _step(model, films, labels, bfloat16))


def _epochs() -> Iterator[Batch]:
    """Batches as training draws them, without end."""
    labels = ("NORMAL", "PNEUMONIA")
    manifest = Manifest(tuple(Film(f"{n}.png", labels[n % 2], sha256=str(n)) for n in range(320)))
    grey = np.random.default_rng(0).integers(0, 256, (320, 128, 128), dtype=np.uint8)
    cache = pixels.PixelCache(grey, {str(n): n for n in range(320)})
    data = batches.make_batches(manifest, cache, labels, Batches(augment=AUGMENT))
    for number in count():
        yield from data.epoch(1, number)


def _step(model: nn.Module, films: torch.Tensor, labels: torch.Tensor, bfloat16: bool) -> Callable[[], object]:
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(films)
        film_losses(logits, labels, None).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    return step


def _replace_dropout(model: nn.Module) -> None:
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, Dropout):
                setattr(module, name, nn.Dropout(child.p))


def _row(name: str, work: Callable[[], object]) -> None:
    seconds = []
    for _ in range(STEPS + 2):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    print(f"{name:<62}{32 / statistics.median(seconds[2:]):>8.0f} films/s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if len(sys.argv) > 2:
            keep_freed_memory()
        measure(sys.argv[1])
    else:
        main()
