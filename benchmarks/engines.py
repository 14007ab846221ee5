"""One network by every engine and in every precision, against PyTorch eager; and whether they say the same.

    python -m benchmarks.engines
    python -m benchmarks.engines --agree runs/resnet50/bundle runs/vgg16/bundle --data ../shared/data/chest_xray

The first gives rates: S1 at 128 px, ResNet-50 and VGG-16 at 224 px, all with drawn weights and on the same generated
films; the systems take turns, and each ratio is of one round. PyTorch is as it comes: eager, float32, its own
threads, the better of two batch sizes. The second gives, on the validation films, every engine's figures at the
bundle's operating point.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.rows import Row, Target, in_turn, verdicts
from hilum import bundle, confidence, films, metrics, models, pixels
from hilum.bundle import Bundle, Decisions, OperatingPoint
from hilum.bundle.golden import golden_films
from hilum.bundle.int8 import add_forms, compare
from hilum.bundle.network_payload import NetworkPayload
from hilum.bundle.onnx_export import round_weights
from hilum.bundle.quantise import quantise
from hilum.bundle.read import GATE_NAME
from hilum.bundle.weights import load_model
from hilum.bundle.write import write
from hilum.confidence import Calibration
from hilum.errors import HilumError
from hilum.gate import parse_gate
from hilum.inference.engines import (
    BATCH_SIZE,
    EngineName,
    OnnxRuntime,
    Precision,
    as_input,
    installed_engines,
    open_engine,
)
from hilum.machine import processors
from hilum.pixels import chest_phantom, preprocess
from hilum.recipe import Pixels, parse_recipe
from hilum.records import Film, Manifest

SECONDS, SHOWN = 0.8, 32
TORCH = "PyTorch eager, float32"
TORCH_BATCHES = (8, 32)
NETWORKS = {
    "S1, 128 px": ("s1-cnn", "default", 128),
    "ResNet-50, 224 px": ("resnet50", "default", 224),
    "VGG-16, 224 px": ("vgg16", "s2", 224),
}
FILMS = tuple(
    Film(f"{split} {label}", label, split=split, sha256=label)
    for split in ("train", "val") for label in ("NORMAL", "PNEUMONIA")
)  # fmt: skip
Rate = Callable[[], float]


def measure() -> list[Row]:
    """Rates of each network by each system; the best of Hilum's is held to three times PyTorch's."""
    return [row for work in NETWORKS for row in rates_of(work)]


def rates_of(work: str) -> list[Row]:
    """The same of one network."""
    drawn = NETWORKS[work]
    with tempfile.TemporaryDirectory() as folder:
        opened = with_int8(drawn_bundle(Path(folder) / drawn[0], *drawn), Path(folder) / "int8")
        shown = films_of(opened.spec.recipe.pixels)
        systems = {TORCH: _torch(opened, shown), **_engines(opened, shown)}
        values = in_turn(systems)
        gigaflops = 2 * models.multiply_adds(load_model(opened), opened.spec.recipe.pixels.size) / 1e9
    best = max(values, key=lambda name: float(np.median(values[name])))
    rows: list[Row] = []
    for name, each in values.items():
        precision = name.rpartition(", ")[2]
        limit = None if precision == "int8" else (f"convolution, {precision}", gigaflops)
        targets = (Target(3, TORCH),) if name == best else ()
        rows.append(Row(f"judging squares: {work}", name, each, targets=targets, limit=limit))
    return rows


def films_of(spec: Pixels) -> NDArray[np.uint8]:
    """Generated films as a network is shown them."""
    return np.stack([preprocess(chest_phantom(seed, (256, 320), seed % 2), spec) for seed in range(SHOWN)])


def _engines(opened: Bundle, shown: NDArray[np.uint8]) -> dict[str, Rate]:
    found = {}
    for name in installed_engines():
        for precision in get_args(Precision):
            try:
                engine, note = open_engine(opened, name, precision, processors())
            except HilumError:  # ONNX Runtime has no bfloat16
                continue
            if not note:
                found[f"Hilum by {named(name)}, {precision}"] = _rate(engine.logits, shown, processors(), BATCH_SIZE)
    return found


def named(engine: EngineName) -> str:
    """An engine as its makers write it."""
    return {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}[engine]


def _torch(opened: Bundle, shown: NDArray[np.uint8]) -> Rate:
    model = load_model(opened)

    def logits(squares: NDArray[np.uint8]) -> object:
        with torch.inference_mode():
            return model(torch.from_numpy(as_input(squares)))

    rates = [_rate(logits, shown, 1, size) for size in TORCH_BATCHES]
    return lambda: max(rate() for rate in rates)


def _rate(logits: Callable[[NDArray[np.uint8]], object], shown: NDArray[np.uint8], threads: int, size: int) -> Rate:
    """Films a second, over and over the same ones, by so many callers."""
    parts = [shown[start : start + size] for start in range(0, len(shown), size)]
    pool = ThreadPoolExecutor(threads)

    def rate() -> float:
        started = time.perf_counter()

        def work(caller: int) -> int:
            done = 0
            while time.perf_counter() < started + SECONDS:
                part = parts[(done // size + caller) % len(parts)]
                logits(part)
                done += len(part)
            return done

        done = sum(pool.map(work, range(threads)))
        return done / (time.perf_counter() - started)

    return rate


def drawn_bundle(folder: Path, architecture: str, head: str, size: int = 224) -> Bundle:
    """A bundle of a network with drawn weights and batch norms that do something, and with the shipped one's gate."""
    model = {"name": architecture, "head": head, "normalise": "film"}
    recipe = parse_recipe({"name": architecture, "pixels": {"size": size}, "model": model}, "benchmark")
    torch.manual_seed(0)
    network = models.build(recipe.model, size, 2)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)  # type: ignore[arg-type]
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    round_weights(network.eval())
    chosen = Decisions(OperatingPoint(0.5, "half", "nothing"), Calibration(), None, None, {})
    return write(
        NetworkPayload([network], recipe), folder, recipe=recipe, classes=("NORMAL", "PNEUMONIA"),
        manifest=Manifest(FILMS), decisions=chosen, history=[],
        gate=parse_gate((bundle.SHIPPED / GATE_NAME).read_bytes(), GATE_NAME),
    )  # fmt: skip


def with_int8(opened: Bundle, folder: Path) -> Bundle:
    """The bundle with an int8 network of generated films: as fast as one of real films."""
    folder.mkdir()
    quantise(opened.onnx, films_of(opened.spec.recipe.pixels), folder / "int8.onnx")
    engine = OnnxRuntime((folder / "int8.onnx").read_bytes(), "int8")
    given = confidence.calibrated(
        opened.spec.calibration,
        bundle.probabilities(engine.logits(golden_films(opened.spec.recipe.pixels, bundle.lung_finder(opened)))),
    )
    record = compare(given, given, np.array([0, 1, 0, 1]), OperatingPoint(0.5, "", ""), ("", ""), given)
    return add_forms(opened, folder / "bundle", [folder / "int8.onnx"], record)


def agree(opened: Bundle, data: Path) -> None:
    """Print what every engine makes of the validation films."""
    spec = opened.spec
    val = films.index(data).labelled_by(spec.recipe.labels).split("val")
    cache = pixels.cache(val, spec.recipe.pixels, lungs=bundle.lung_finder(opened))
    squares, labels = cache.films[cache.rows(val)], films.labels_of(val, spec.classes) == 1
    threshold = spec.operating_point.threshold
    assert threshold is not None
    systems: dict[str, Callable[[NDArray[np.uint8]], Any]] = {TORCH: _torch_logits(opened)}
    for engine in installed_engines():
        for precision in get_args(Precision):
            try:
                systems[f"{named(engine)}, {precision}"] = open_engine(opened, engine, precision, 1)[0].logits
            except HilumError:
                continue
    print(f"{opened.folder}: {len(val)} validation films\n\n| | AUROC | sensitivity | specificity | calls changed | "
          "probability moves, mean | at most |\n|---|---|---|---|---|---|---|")  # fmt: skip
    exact = None
    for name, logits in systems.items():
        parts = [logits(squares[start : start + BATCH_SIZE]) for start in range(0, len(squares), BATCH_SIZE)]
        probs = confidence.calibrated(spec.calibration, bundle.probabilities(np.concatenate(parts)))[:, 1]
        exact = probs if exact is None else exact
        moved, changed = np.abs(probs - exact), np.count_nonzero((probs >= threshold) != (exact >= threshold))
        figures = (metrics.sensitivity, metrics.specificity)
        at_point = " | ".join(f"{float(figure(labels, probs, threshold)):.4f}" for figure in figures)
        print(
            f"| {name} | {float(metrics.auroc(labels, probs)):.5f} | {at_point} | {changed} | {moved.mean():.5f} | "
            f"{moved.max():.4f} |",
            flush=True,
        )


def _torch_logits(opened: Bundle) -> Callable[[NDArray[np.uint8]], Any]:
    model = load_model(opened)

    def logits(squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            given: NDArray[np.float32] = model(torch.from_numpy(as_input(squares))).numpy()
        return given

    return logits


def main() -> None:
    """Print a line a row and what became of the targets, or what the engines say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--agree", type=Path, nargs="+", metavar="BUNDLE", default=[])
    parser.add_argument("--networks", nargs="+", metavar="NAME", choices=NETWORKS)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    arguments = parser.parse_args()
    for folder in arguments.agree:
        agree(bundle.read(folder), arguments.data)
    if arguments.agree:
        return
    for work in arguments.networks or NETWORKS:
        rows = rates_of(work)
        torch_values = rows[0].values
        for row in rows:
            ratios = [mine / theirs for mine, theirs in zip(row.values, torch_values, strict=True)]
            print(
                f"{work:<20}{row.system:<36}{row.median:>8.1f} films/s  {np.median(ratios):5.2f} times PyTorch "
                f"({min(ratios):.2f} to {max(ratios):.2f}){_gigaflops(row)}"
            )
        for verdict in verdicts(rows):
            print(f"{work}: {verdict.row.system}: {verdict.value:.2f} times, {verdict.in_words()}", flush=True)


def _gigaflops(row: Row) -> str:
    return "" if row.limit is None else f"  {row.median * row.limit[1]:,.0f} GFLOP/s"


if __name__ == "__main__":
    main()
