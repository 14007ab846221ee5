"""Memory of training must not grow with the number of films: 1,000 against 100,000 generated ones.

The films are generated into the files of the pixel cache (1.6 GB for 100,000 at 128 px). An epoch of batches is drawn
over all of them and S1 trains on the first few. What counts is a process's own memory (`RssAnon`); the pages of the
memory-mapped cache (`RssFile`) belong to the kernel, which takes them back whenever it needs them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np

from hilum.rows import RowStore

COUNTS = (1_000, 100_000)
STEPS = 10


def main() -> None:
    """Print a line for each number of films, each measured in a process of its own."""
    for count in COUNTS:
        subprocess.run([sys.executable, "-m", "benchmarks.training_memory", str(count)], check=True)


def measure(count: int) -> None:
    """Draw an epoch over `count` films, train on its first batches, and print this process's memory."""
    import torch

    from hilum import batches, models, pixels
    from hilum.pixels.pixel_cache import store_folder
    from hilum.recipe import Augment, Batches, Model, Pixels
    from hilum.records import Film, Manifest
    from hilum.training import film_losses

    with tempfile.TemporaryDirectory() as folder:
        labels = ("NORMAL", "PNEUMONIA")
        manifest = Manifest(
            tuple(Film(f"{n}.png", labels[n % 2], split="train", sha256=f"{n:064x}") for n in range(count))
        )
        fill(store_folder(Pixels(), Path(folder)), [film.sha256 for film in manifest], Pixels().size)
        cache = pixels.cache(manifest, Pixels(), Path(folder))
        spec = Batches(augment=Augment(rotation=20, noise=(0.5, 0.1)))
        data = batches.make_batches(manifest, cache, labels, spec)
        model = models.build(Model(), 128).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.Adam(model.parameters())
        started = time.perf_counter()
        for number, batch in enumerate(data.epoch(1, 1)):
            if number < STEPS:
                film_losses(model(batch.inputs), batch.labels, None).mean().backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                optimizer.zero_grad()
        seconds = time.perf_counter() - started
        own, mapped = memory("RssAnon"), memory("RssFile")
    print(
        f"{count:>7} films: own memory {own:.0f} MB, mapped pages {mapped:.0f} MB, an epoch drawn in {seconds:.0f} s"
    )


def fill(folder: Path, hashes: list[str], side: int) -> None:
    """Generate films straight into an empty store of the pixel cache: noise, since nobody looks at them."""
    draw = np.random.default_rng(0)

    def noise(missing: list[str]) -> Generator[tuple[str, np.ndarray]]:
        for sha256 in missing:
            yield sha256, draw.integers(0, 256, (side, side), dtype=np.uint8)

    RowStore(folder, np.dtype(np.uint8), (side, side), "pixel cache", 1000).fill(hashes, noise)


def memory(name: str) -> float:
    """A figure of /proc/self/status, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1000
    raise RuntimeError(f"/proc/self/status has no {name}")


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
