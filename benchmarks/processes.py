"""Two processes with one core each against one with two; what they tell each other; what a checkpoint costs.

S1 at 128 px, batches of 32 generated films. One process and two take turns; each figure is the median over the
rounds of an epoch's time after the first epoch.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from benchmarks.training_memory import fill
from hilum import batches, models, pixels, training
from hilum.pixels.pixel_cache import store_folder
from hilum.progress import first_process
from hilum.recipe import Pixels, parse_recipe
from hilum.records import Film, Manifest
from hilum.training.checkpoint import TrainingState

FILMS, EPOCHS, ROUNDS = 512, 3, 3
LABELS = ("NORMAL", "PNEUMONIA")
KERMANY = 4_706  # films that the shipped recipe learns from


def main() -> None:
    """Print films a second for one process and for two, and what a checkpoint costs."""
    ways = {
        "one process, two threads": (1, True),
        "two processes, one thread each": (2, True),
        "two processes, batch norms apart": (2, False),
    }
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (processes, shared) in ways.items():
            measured[name].append(_run(processes, shared))
    one = statistics.median(each["epoch"] for each in measured["one process, two threads"])
    for name, rounds in measured.items():
        seconds = [each["epoch"] for each in rounds]
        spread = f"{one / max(seconds):.2f} to {one / min(seconds):.2f}"
        sent = statistics.median(each["sent"] for each in rounds)
        print(
            f"{name:<34}{FILMS / statistics.median(seconds):>6.1f} films/s, "
            f"{one / statistics.median(seconds):.2f} times one process ({spread}); {sent:.1f} MB a step sent"
        )
    cost = statistics.median(each["checkpoint"] for each in measured["one process, two threads"])
    print(
        f"a checkpoint: {1000 * cost:.0f} ms, {cost / (one * KERMANY / FILMS):.2%} of an epoch of {KERMANY:,} films"
    )


def _run(processes: int, shared: bool) -> dict[str, float]:
    """Train on so many processes; the first one's figures."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(2 // processes)}
    launch = [sys.executable, "-m"]
    if processes > 1:
        launch += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    with tempfile.TemporaryDirectory() as folder:
        fill(store_folder(Pixels(), Path(folder)), [film.sha256 for film in _films()], Pixels().size)
        command = [*launch, "benchmarks.processes", "shared" if shared else "apart", folder]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _films() -> list[Film]:
    return [Film(f"{n}.png", LABELS[n % 2], sha256=f"{n:064x}") for n in range(FILMS)]


def learn(shared: bool, folder: Path) -> None:
    """Train on generated films; the first process prints its figures."""
    augment = {"rotation": 20, "flip": 0.5, "noise": [0.3, 0.06], "blur": [0.3, 1.5], "jpeg": [0.4, 10]}
    table = {
        "epochs": EPOCHS, "optimizer": "adamw", "average": 0.995, "precision": "float32", "shared_batch_norm": shared,
    }  # fmt: skip
    recipe = parse_recipe({"name": "p", "batches": {"augment": augment}, "training": table}, "benchmark")
    films = _films()
    cache = pixels.cache(Manifest(tuple(films)), Pixels(), folder)
    train, val = (
        batches.make_batches(Manifest(tuple(part)), cache, LABELS, recipe.batches) for part in (films, films[:32])
    )
    torch.manual_seed(1)
    before = _bytes_sent()
    run = training.fit(models.build(recipe.model, 128), train, val, recipe, folder / "run")
    if first_process():
        sent = (_bytes_sent() - before) / (EPOCHS * train.batches_per_epoch)
        epoch = statistics.median(row["seconds"] for row in run.history[1:])
        cost = _checkpoint(run.model, folder / "checkpoint")
        print(json.dumps({"epoch": epoch, "sent": sent / 1e6, "checkpoint": cost}))


def _bytes_sent() -> int:
    """Over the loopback, since the machine was started."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split()[9])


def _checkpoint(model: nn.Module, path: Path) -> float:
    """Median seconds of writing everything that a run with Adam and averaged weights needs."""
    average = AveragedModel(model)
    optimizer = torch.optim.AdamW(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    state, seconds = TrainingState(model, average, optimizer), []
    for _ in range(7):
        started = time.perf_counter()
        state.save(path)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


if __name__ == "__main__":
    learn(sys.argv[1] == "shared", Path(sys.argv[2])) if len(sys.argv) > 1 else main()
