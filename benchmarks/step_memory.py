"""What `--memory` reckons a training step takes, against what the step takes: peak memory of a process of its own.

Batches of 32 random films, Adam, float32 on the processor. `reckoned` is what `hilum train` compares with the memory
that there is; a figure above 1 leaves room, one below 1 would let a step run out of it.
"""

from __future__ import annotations

import resource
import subprocess
import sys

NETWORKS = (("s1-cnn", 128), ("vgg16", 64), ("resnet18", 128), ("resnet50", 128), ("resnet50", 224))
STEPS = 3


def main() -> None:
    """Print a line for each network, each measured in a process of its own."""
    for name, size in NETWORKS:
        subprocess.run([sys.executable, "-m", "benchmarks.step_memory", name, str(size)], check=True)


def measure(name: str, size: int) -> None:
    """Train on random films for a few steps, and print this process's peak memory beyond what it had before."""
    import torch
    from torch import nn

    from hilum import models
    from hilum.models import step_memory
    from hilum.recipe import Model
    from hilum.training import film_losses
    from hilum.training.device import keep_freed_memory
    from hilum.training.micro_batches import WORKSPACE_FACTOR

    def train(spec: Model, films: torch.Tensor) -> nn.Module:
        labels = torch.arange(len(films)) % 2
        model: nn.Module = models.build(spec, films.shape[-1])
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.Adam(model.parameters(), fused=True)
        for _ in range(STEPS):
            film_losses(model(films), labels, None).mean().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
        return model

    keep_freed_memory()
    train(Model(name="s1-cnn"), torch.rand(4, 1, 32, 32))  # what torch itself loads once is no part of a step
    films = torch.rand(32, 1, size, size)
    before = _peak()
    model = train(Model(name=name, head="s2" if name.startswith("vgg") else "default"), films)
    taken = _peak() - before
    fixed, a_film = step_memory(model, films.shape[1:])
    reckoned = fixed + WORKSPACE_FACTOR * 32 * a_film
    print(
        f"{name:<10}{size:>4} px: reckoned {reckoned / 1e9:.2f} GB, taken {taken / 1e9:.2f} GB, "
        f"{reckoned / taken:.2f} times"
    )


def _peak() -> float:
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 1 else main()
