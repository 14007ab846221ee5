"""Films on disk to rows: against the bare network, against decoding alone, and in how much memory.

    python -m benchmarks.scoring
    python -m benchmarks.scoring --parts memory

- A folder of 224 px films (Kermany's validation films, read from disk) with ResNet-50 and VGG-16 of drawn weights,
  against the same engine on squares that lie in memory.
- Full-size JPEGs with S1, against decoding the same files alone, whole, on every processor: what no
  detector that decodes them whole can pass.
- The folder of 224 px films with the detector that comes with Hilum, lungs and gate included.
- The memory of `hilum predict` over 100,000 small films, in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from benchmarks.engines import drawn_bundle, named, with_int8
from benchmarks.rows import Row, Target, in_turn, verdicts
from hilum import bundle, films
from hilum.inference import Detector
from hilum.inference.engines import BATCH_SIZE, EngineName, Precision
from hilum.machine import processors
from hilum.pixels import chest_phantom, read_square
from hilum.recipe import Pixels
from hilum.records import Film
from hilum.workers import map_batches

SMALL, FULL = Path("../shared/data/chest_xray/val"), Path("../shared/data/fullres")
BARE, DECODING = "the bare network", "decoding alone"
NETWORKS = {"ResNet-50": ("resnet50", "default"), "VGG-16": ("vgg16", "s2")}
ENGINES: tuple[tuple[EngineName, Precision], ...] = (
    ("onnx", "float32"),
    ("openvino", "float32"),
    ("openvino", "int8"),
)
S1 = ("s1-cnn", "default", 128)
MANY, DISTINCT = 100_000, 500
Rate = Callable[[], float]


def measure() -> list[Row]:
    """The rows that targets are held to; works whose films are not here are left out."""
    return [row for part in PARTS.values() for row in part()]


def small_films(number: int = 128) -> list[Row]:
    """A folder of films with each large network, in ONNX Runtime's float32 and in the fastest."""
    rows: list[Row] = []
    if not SMALL.is_dir():
        return rows
    some = films.find([SMALL]).films
    some = tuple(some[place] for place in np.linspace(0, len(some) - 1, number).astype(int))
    with tempfile.TemporaryDirectory() as folder:
        for name, drawn in NETWORKS.items():
            opened = with_int8(drawn_bundle(Path(folder) / name, *drawn), Path(folder) / f"{name} int8")
            for engine, precision in ENGINES:
                detector = Detector(opened.folder, engine=engine, precision=precision)
                squares = [
                    read_square(film.path, opened.spec.recipe.pixels, "", bundle.lung_finder(opened)).levels
                    for film in some
                ]
                work = f"a folder of 224 px films, {name}, {named(engine)} in {precision}"
                rates = {BARE: _bare(detector, squares), "Hilum": _scored(detector, some)}
                rows += _in_turn(work, rates, Target(0.9, BARE))
    return rows


def full_size_films(times: int = 3) -> list[Row]:
    """Originals with S1, in every engine and precision."""
    if not FULL.is_dir():
        return []
    some = films.find([FULL]).films * times
    with tempfile.TemporaryDirectory() as folder:
        opened = with_int8(drawn_bundle(Path(folder) / "s1", *S1), Path(folder) / "int8")
        rates = {DECODING: _decoded(some), "decoding at a fraction alone": _read(some, opened.spec.recipe.pixels)}
        for engine, precision in ENGINES:
            detector = Detector(opened.folder, engine=engine, precision=precision)
            rates[f"Hilum by {named(engine)}, {precision}"] = _scored(detector, some)
        return _in_turn("full-size JPEGs, S1", rates, Target(0.85, DECODING))


def shipped(number: int = 256) -> list[Row]:
    """Small films by the detector that comes with Hilum: decoding, lungs, crop, gate, network, answer."""
    if not SMALL.is_dir():
        return []
    some = films.find([SMALL]).films
    some = tuple(some[place] for place in np.linspace(0, len(some) - 1, number).astype(int))
    values = in_turn({"Hilum": _scored(Detector("shipped"), some)})
    return [
        Row("a folder of 224 px films, the shipped detector", name, each, targets=(Target(70),))
        for name, each in values.items()
    ]


def memory() -> list[Row]:
    """Megabytes of `hilum predict` at a fifth of 100,000 films, and at its peak."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        drawn_bundle(place / "bundle", "s1-cnn", "default", 32)
        (place / "films").mkdir()
        for number in range(DISTINCT):
            levels = (chest_phantom(number, (64, 64)) * 255).astype(np.uint8)
            Image.fromarray(levels).save(place / "films" / f"{number:06d}.jpg")
        for number in range(DISTINCT, MANY):
            os.link(place / "films" / f"{number % DISTINCT:06d}.jpg", place / "films" / f"{number:06d}.jpg")
        out = place / "out.csv"
        asked = [str(place / "bundle"), str(place / "films"), "--out", str(out)]
        command = [sys.executable, "-m", "hilum", "predict", *asked]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen: list[tuple[int, float]] = []
        while process.poll() is None:
            time.sleep(0.2)
            seen.append((out.stat().st_size if out.exists() else 0, _resident(process.pid)))
        assert process.returncode == 0
        end = out.stat().st_size
    early = next(megabytes for size, megabytes in seen if size > end / 5)
    peak = max(megabytes for _, megabytes in seen)
    work = f"memory over {MANY:,} films"
    return [Row(work, "Hilum", (early, peak), "MB", (Target(800, at_most=True),), note="at a fifth of them; peak")]


PARTS = {"small": small_films, "full-size": full_size_films, "shipped": shipped, "memory": memory}


def _in_turn(work: str, rates: dict[str, Rate], target: Target) -> list[Row]:
    held = {name: (target,) for name in rates if name.startswith("Hilum")}
    return [Row(work, name, each, targets=held.get(name, ())) for name, each in in_turn(rates).items()]


def _rate(number: int, work: Callable[[], object]) -> Rate:
    def rate() -> float:
        started = time.perf_counter()
        work()
        return number / (time.perf_counter() - started)

    return rate


def _scored(detector: Detector, some: tuple[Film, ...]) -> Rate:
    return _rate(len(some), lambda: list(detector.stream(some)))


def _bare(detector: Detector, squares: list[np.ndarray]) -> Rate:
    def logits(some: list[np.ndarray]) -> np.ndarray:
        assert detector.engine is not None
        return detector.engine.logits(np.stack(some))

    return _rate(len(squares), lambda: list(map_batches(logits, squares, BATCH_SIZE)))


def decode(content: bytes, scale: int = 1) -> JpegImageFile:
    """A JPEG in memory to grey, at a fraction of its size, by Pillow alone."""
    image = JpegImageFile(BytesIO(content))
    image.draft("L", (image.width // scale, image.height // scale))
    image.load()
    return image


def _decoded(some: tuple[Film, ...]) -> Rate:
    """Whole, to grey, from bytes in memory."""
    data = [Path(film.path).read_bytes() for film in some]
    pool = ThreadPoolExecutor(processors())
    return _rate(len(data), lambda: list(pool.map(decode, data)))


def _read(some: tuple[Film, ...], spec: Pixels) -> Rate:
    """As a network is shown them, without the network."""
    pool = ThreadPoolExecutor(processors())
    return _rate(len(some), lambda: list(pool.map(lambda film: read_square(film.path, spec), some)))


def _resident(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    lines = [line for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0].split()[1]) / 1000 if lines else 0.0


def main() -> None:
    """Print a line a row, and what became of the targets."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    rows = []
    for part in parser.parse_args().parts:
        rows += PARTS[part]()
    for row in rows:
        spread = f"({min(row.values):.1f} to {max(row.values):.1f})"
        print(f"{row.work:<64}{row.system:<34}{statistics.median(row.values):>8.1f} {row.unit} {spread} {row.note}")
    for verdict in verdicts(rows):
        spread = f"({verdict.low:.2f} to {verdict.high:.2f})"
        print(f"{verdict.row.work}: {verdict.row.system}: {verdict.value:.2f} {spread}, {verdict.in_words()}")


if __name__ == "__main__":
    main()
