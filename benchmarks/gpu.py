"""Training and scoring on a GPU, beside plain PyTorch there, in at most 8 minutes.

    python -m benchmarks.gpu --pack build/gpu                       # here: the films that travel (42 MB)
    python -m benchmarks.gpu --data build/gpu --out build/gpu.json  # where the GPU is
    python -m benchmarks.gpu --small                                # on a processor: that all of this runs

- S1, ResNet-50 and VGG-16: the steps that `hilum train` makes, and eager PyTorch's in float32 and bfloat16, on the
  same batches.
- S1's epoch over all films, drawn and augmented where they lie, on the device.
- Losses of some steps on the GPU and on the processor, in float32: S1, and the detector's recipe with lungs.
- VGG-16 in a part of the memory that it needs: in parts, with the losses of the whole.
- ONNX Runtime's CUDA provider, where it is installed.

The machine needs nothing beside the checkout and the folder; without films they are generated.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks import data
from benchmarks.engines import drawn_bundle
from benchmarks.peers.ours import AUGMENT, Learner
from benchmarks.rows import Row, Target, in_turn
from benchmarks.table import in_words
from hilum import batches, models, pixels
from hilum.batches import Batch, FilmBatches
from hilum.inference.engines import as_input
from hilum.models.cpu.chain import Chain
from hilum.models.dropout import Dropout
from hilum.recipe import Pixels, Recipe, parse_recipe, read_recipe
from hilum.records import Film, Manifest
from hilum.training import film_losses
from hilum.training.device import be_reproducible
from hilum.training.parallel import make_fabric

EAGER, EAGER_BFLOAT16, OURS = "eager PyTorch, float32", "eager PyTorch, bfloat16", "Hilum"
STEPS, COMPARED, TOLERANCE = 20, 5, 1e-3
SHARED_MEMORY, LARGE_BATCH = 8e9, 256  # bytes that VGG-16 may take, and films that need several times as much
CPU = torch.device("cpu")


def recipe_of(network: str, size: int, head: str = "default", batch: int = 32) -> Recipe:
    """A network on films of a size, augmented as the other benchmarks do."""
    model = {"name": network, "head": head, "normalise": "film"}
    spec = {"size": batch, "augment": AUGMENT}
    return parse_recipe({"name": network, "pixels": {"size": size}, "model": model, "batches": spec}, "benchmark")


LARGE = {
    "S1": recipe_of("s1-cnn", 128),
    "ResNet-50": recipe_of("resnet50", 224),
    "VGG-16": recipe_of("vgg16", 224, "s2"),
}
SMALL = {"S1": recipe_of("s1-cnn", 32, batch=4), "ResNet-18": recipe_of("resnet18", 32, batch=4)}


def films_of(folder: Path | None, recipe: Recipe) -> FilmBatches:
    """The batches of a folder CLASS/*, or of eight drawn films, uncropped; two boxes stand for the lungs."""
    size = recipe.pixels.size
    if folder is None:
        grey = np.stack([np.rint(255 * pixels.chest_phantom(n, (size, size))).astype(np.uint8) for n in range(8)])
        found = [Film(f"{n}.png", data.CLASSES[n % 2], sha256=str(n)) for n in range(8)]
    else:
        paths = sorted(path for name in data.CLASSES for path in (folder / name).iterdir())
        grey = np.stack([pixels.read_square(str(path), Pixels(size=size)).levels for path in paths])
        found = [Film(path.name, path.parent.name, sha256=str(n)) for n, path in enumerate(paths)]
    lungs = None
    if recipe.batches.augment.outside:
        lungs = np.zeros_like(grey)
        for side in (slice(size // 8, 7 * size // 16), slice(9 * size // 16, 7 * size // 8)):
            lungs[:, size // 6 : 5 * size // 6, side] = 255
    cache = pixels.PixelCache(grey, {film.sha256: n for n, film in enumerate(found)}, lungs)
    return batches.make_batches(Manifest(tuple(found)), cache, data.CLASSES, recipe.batches)


def speeds(works: dict[str, Recipe], folder: Path | None, device: torch.device, steps: int) -> list[Row]:
    """Films a second of each network's steps, and the seconds of S1's epoch."""
    rows = []
    for name, recipe in works.items():
        source = films_of(folder, recipe)
        some = list(islice(source.epoch(1, 1, device), steps))
        learner = _learner(recipe, source, device, bfloat16=True)
        work = f"{name}, {recipe.pixels.size} px, training"
        rates = in_turn(
            {
                OURS: _rate(partial(learner.stepper.step, seed=1), some, device),
                EAGER: _rate(_eager(recipe, device, bfloat16=False), some, device),
                EAGER_BFLOAT16: _rate(_eager(recipe, device, bfloat16=True), some, device),
            }
        )
        held = {OURS: (Target(2.0, EAGER_BFLOAT16),)} if name == "S1" else {}
        rows += [Row(work, system, values, targets=held.get(system, ())) for system, values in rates.items()]
        if name == "S1":
            seconds = in_turn({OURS: partial(_seconds, learner.epoch, device)})[OURS]
            note = f"{len(source):,} films"
            rows.append(Row("S1, an epoch", OURS, seconds, "s", (Target(1.0, at_most=True),), note=note))
    return rows


def losses(recipes: dict[str, Recipe], folder: Path | None, device: torch.device) -> list[Row]:
    """The largest difference of a film's loss in steps of float32 on the device and on the processor."""
    rows = []
    for name, recipe in recipes.items():
        source = films_of(folder, recipe)
        found = [_losses(recipe, source, where) for where in (device, CPU)]
        worst = float((found[0] - found[1]).abs().max())
        work = f"{name}, losses of {COMPARED} steps as on the processor"
        rows.append(Row(work, OURS, (worst,), "", (Target(TOLERANCE, at_most=True),)))
    return rows


def little_memory(device: torch.device) -> list[Row]:
    """Losses of VGG-16 with dropout, in less memory than its batch needs: those of the whole batch."""
    recipe = recipe_of("vgg16", 224, "s2", LARGE_BATCH)
    source = films_of(None, recipe)
    few = next(source.unaugmented(8, device))
    images, labels = (torch.cat([each] * (LARGE_BATCH // 8)) for each in (few.inputs, few.labels))
    batch = Batch(images, labels, np.arange(LARGE_BATCH), LARGE_BATCH)
    found, sizes = [], []
    for share in (1.0, min(1.0, SHARED_MEMORY / torch.cuda.get_device_properties(device).total_memory)):
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(share, device)
        learner = _learner(recipe, source, device, bfloat16=False)
        found.append(learner.stepper.step(batch, seed=1)["losses"])
        sizes.append(learner.stepper.micro_batch_size)
        del learner
    torch.cuda.set_per_process_memory_fraction(1.0, device)
    note = f"{sizes[0]} films at once, and {sizes[1]} in {SHARED_MEMORY / 1e9:.0f} GB"
    worst = float((found[0] - found[1]).abs().max())
    split = Row(
        "VGG-16, films at once in little memory", OURS, (sizes[1],), "", (Target(LARGE_BATCH / 2, at_most=True),)
    )
    return [split, Row("VGG-16, losses in parts", OURS, (worst,), "", (Target(TOLERANCE, at_most=True),), note=note)]


def scoring(device: torch.device, size: int, number: int) -> list[Row]:
    """ResNet-50 in ONNX Runtime on the processor and, where its CUDA provider is installed, on the GPU."""
    import onnxruntime

    names = {"CPUExecutionProvider": "ONNX Runtime, processor", "CUDAExecutionProvider": "ONNX Runtime, CUDA"}
    if device.type != "cuda" or "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        print("scoring on a GPU is left out: ONNX Runtime's CUDA provider (onnxruntime-gpu) is not installed here")
        del names["CUDAExecutionProvider"]
    with tempfile.TemporaryDirectory() as folder:
        network = drawn_bundle(Path(folder) / "bundle", "resnet50", "default", size).onnx
    films = as_input(np.random.default_rng(0).integers(0, 256, (number, size, size), dtype=np.uint8))
    sessions = {}
    for provider, name in names.items():
        session = onnxruntime.InferenceSession(network, providers=[provider], enable_fallback=0)
        if session.get_providers()[0] != provider:  # it warns, and computes on the processor
            print(f"{name} is left out: its libraries do not load here")
            continue
        sessions[name] = session
    found = {name: session.run(["logits"], {"films": films})[0] for name, session in sessions.items()}
    runs = {name: partial(session.run, ["logits"], {"films": films}) for name, session in sessions.items()}
    rates = in_turn({name: partial(_per_second, run, number) for name, run in runs.items()})
    rows = [Row(f"ResNet-50, {size} px, scoring", name, values) for name, values in rates.items()]
    if len(found) == 2:
        one, other = found.values()
        worst, held = float(np.abs(one - other).max()), (Target(TOLERANCE, at_most=True),)
        rows.append(Row("ResNet-50, logits as on the processor", "ONNX Runtime, CUDA", (worst,), "", held))
    return rows


def _learner(recipe: Recipe, source: FilmBatches, device: torch.device, *, bfloat16: bool) -> Learner:
    be_reproducible()
    torch.manual_seed(1)
    fabric = make_fabric(device.type, "bf16-mixed" if bfloat16 else "32-true", gradual=False)
    learner = Learner(models.build(recipe.model, recipe.pixels.size), source, recipe, fabric)
    learner.model.train()
    return learner


def _losses(recipe: Recipe, source: FilmBatches, device: torch.device) -> torch.Tensor:
    learner, few = _learner(recipe, source, device, bfloat16=False), islice(source.epoch(1, 1, device), COMPARED)
    return torch.cat([learner.stepper.step(batch, seed=step)["losses"] for step, batch in enumerate(few)])


def _eager(recipe: Recipe, device: torch.device, *, bfloat16: bool) -> Callable[[Batch], object]:
    """A step as PyTorch's tutorials write it: contiguous maps, torch's own dropout, layer by layer."""
    torch.manual_seed(1)
    model = models.build(recipe.model, recipe.pixels.size).to(device).train()
    for module in list(model.modules()):
        if isinstance(module, Chain):
            module.__class__ = nn.Sequential  # type: ignore[assignment]
        for name, child in module.named_children():
            if isinstance(child, Dropout):
                setattr(module, name, nn.Dropout(child.p))
    optimizer = torch.optim.AdamW(model.parameters())

    def step(batch: Batch) -> None:
        torch.use_deterministic_algorithms(False)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(batch.inputs)
        film_losses(logits, batch.labels, None).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        torch.use_deterministic_algorithms(True)

    return step


def _rate(step: Callable[[Batch], object], some: Sequence[Batch], device: torch.device) -> Callable[[], float]:
    def run() -> None:
        for batch in some:
            step(batch)

    return lambda: sum(len(batch.labels) for batch in some) / _seconds(run, device)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - started


def _per_second(work: Callable[[], object], number: int) -> float:
    return number / _seconds(work, CPU)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and what became of the targets, or pack the films."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pack", type=Path, metavar="FOLDER", help="copy the training films there, and stop")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the packed films")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the rows there, as JSON")
    parser.add_argument("--small", action="store_true", help="tiny works on the processor: nothing worth quoting")
    asked = parser.parse_args(arguments)
    if asked.pack:
        shutil.copytree(data.training_films(), asked.pack / "train", dirs_exist_ok=True)
        return
    if not asked.small and not torch.cuda.is_available():
        sys.exit("no GPU is at hand: run this where there is one, or try it out on the processor with --small")
    detector = read_recipe("hilum")
    if asked.small:
        detector = read_recipe("hilum", ["pixels.size=64", "batches.size=8"])
        rows = speeds(SMALL, None, CPU, 1) + losses({"S1": SMALL["S1"], "the detector": detector}, None, CPU)
        rows += scoring(CPU, 32, 2)
        device = "a processor (--small)"
    else:
        folder = asked.data / "train" if asked.data else data.training_films()
        if not folder.is_dir():
            sys.exit(f"{folder}: no such folder; python -m benchmarks.gpu --pack {asked.data} makes it")
        cuda = torch.device("cuda", 0)
        rows = speeds(LARGE, folder, cuda, STEPS) + losses(
            {"S1": LARGE["S1"], "the detector": detector}, folder, cuda
        )
        rows += little_memory(cuda) + scoring(cuda, 224, 64)
        device = torch.cuda.get_device_name(cuda)
    print(f"{device}, torch {torch.__version__}\n{in_words(rows, [])}")
    if asked.out:
        asked.out.write_text(json.dumps({"device": device, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
