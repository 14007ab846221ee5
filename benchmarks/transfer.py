"""Transfer learning (S2: VGG-16 at 256 px, frozen trunk) with stored features against the naive way.

The naive way pushes every film through the frozen trunk in every epoch: one such epoch is measured and multiplied by
the study's 27. Beside it: the trunk pass against the bare trunk on random data, and what memory training on features
of 5,232 films takes. Weights are drawn: the arithmetic is the same. `--films N` takes so many films of each class.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.training_memory import memory
from hilum import batches, features, films, models, pixels
from hilum.features.extraction import BATCH_SIZE
from hilum.recipe import Batches, Model, Pixels
from hilum.records import Film, Manifest
from hilum.training import film_losses
from hilum.training.device import keep_freed_memory

PIXELS = Pixels(size=256)
MODEL = Model(name="vgg16", channels=3, normalise="vgg", head="s2")
CLASSES = ("NORMAL", "PNEUMONIA")
EPOCHS = 27  # of the study
FILMS = 5_232  # the study's set, as it lies in `train` and `val` here
ROUNDS = 3


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    parser.add_argument("--films", type=int, default=80)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(f"{arguments.data} is not here; name films with --data DIR")
        return
    keep_freed_memory()
    indexed = films.index(arguments.data, cut=False)
    chosen = [
        film
        for label in CLASSES
        for film in indexed.where(lambda film, label=label: film.label == label).films[: arguments.films]  # type: ignore[misc]
    ]
    with tempfile.TemporaryDirectory() as folder:
        manifest = Manifest(tuple(chosen))
        data = batches.make_batches(manifest, pixels.cache(manifest, PIXELS, Path(folder)), CLASSES, Batches())
        torch.manual_seed(1)
        frozen, head = models.build(MODEL, PIXELS.size).split("trunk")
        frozen = frozen.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        _trunk_pass(frozen, data, Path(folder))
        _whole_run(frozen, head, data, Path(folder))
    subprocess.run([sys.executable, "-m", "benchmarks.transfer", "memory"], check=True)


def _trunk_pass(frozen: nn.Sequential, data: batches.FilmBatches, folder: Path) -> None:
    """Reading, normalising, the trunk and storing, against the trunk alone, in turn."""
    inputs = torch.rand(BATCH_SIZE, 3, 256, 256).contiguous(memory_format=torch.channels_last)
    trunk, few = frozen[1:], Manifest(data.manifest.films[: 6 * BATCH_SIZE])
    some = batches.make_batches(few, data.cache, CLASSES, data.spec)
    bare, ours = [], []
    for number in range(ROUNDS):
        with torch.inference_mode():
            bare.append(6 * BATCH_SIZE / _seconds(lambda: [trunk(inputs) for _ in range(6)]))
        place = folder / f"round{number}"
        ours.append(len(few) / _seconds(lambda: features.extract_features(frozen, some, MODEL, PIXELS, folder=place)))  # noqa: B023
    shares = [mine / its for mine, its in zip(ours, bare, strict=True)]
    print(f"bare trunk, random data        {statistics.median(bare):6.2f} films/s")
    print(f"trunk pass, films to store     {statistics.median(ours):6.2f} films/s")
    print(
        f"share of the bare rate         {statistics.median(shares):6.1%}  ({min(shares):.1%} to {max(shares):.1%})"
    )


def _whole_run(frozen: nn.Sequential, head: nn.Sequential, data: batches.FilmBatches, folder: Path) -> None:
    """27 epochs on stored features, the pass that computes them included, against 27 naive ones."""

    def through_trunk(inputs: Tensor) -> Tensor:
        with torch.no_grad():
            maps: Tensor = frozen(inputs)
        return maps

    naive = _seconds(lambda: _epoch(head, data.epoch(1, 1), through_trunk))
    started = time.perf_counter()
    stored = features.extract_features(frozen, data, MODEL, PIXELS, folder=folder / "whole")
    computed = time.perf_counter() - started
    for number in range(EPOCHS):
        _epoch(head, stored.epoch(1, number), lambda maps: maps)
    whole = time.perf_counter() - started
    print(f"one naive epoch, {len(data)} films     {naive:6.1f} s; {EPOCHS} of them {EPOCHS * naive:.0f} s")
    print(f"features once, then {EPOCHS} epochs   {whole:6.1f} s ({computed:.1f} s of them the features)")
    print(f"stored features are            {EPOCHS * naive / whole:6.1f} times faster")


def _epoch(head: nn.Module, drawn: Iterable[batches.Batch], trunk: Callable[[Tensor], Tensor]) -> None:
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-4, fused=True)
    for batch in drawn:
        film_losses(head(trunk(batch.inputs)), batch.labels, None).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()


def _memory() -> None:
    """Own memory after an epoch over as many features as the study has films."""
    manifest = Manifest(
        tuple(Film(f"{n}.png", CLASSES[n % 2], split="train", sha256=f"{n:064x}") for n in range(FILMS))
    )
    _, head = models.build(MODEL, PIXELS.size).split("trunk")
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        shape = (FILMS, 512 * 8 * 8)
        rows = np.memmap(Path(folder) / "rows.bin", dtype=np.float16, mode="w+", shape=shape)
        grey = np.memmap(Path(folder) / "grey.bin", dtype=np.uint8, mode="w+", shape=(FILMS, 1, 1))
        cache = pixels.PixelCache(grey, {film.sha256: row for row, film in enumerate(manifest)})
        data = batches.make_batches(manifest, cache, CLASSES, Batches())
        _epoch(head, features.FeatureBatches(data, ((rows, data.rows),)).epoch(1, 1), lambda maps: maps)
        print(f"training on {FILMS} films' features  {memory('RssAnon'):.0f} MB of its own")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    _memory() if sys.argv[1:] == ["memory"] else main()
