"""How long one heat map takes in the reading room: from the request to its picture, for a film that was answered.

    python -m benchmarks.heat_maps
    python -m benchmarks.heat_maps BUNDLE

The shipped detector, or another bundle's: its class activation maps, in turn with what the service does for the same
network without them, which is to cover one part of the film after another. Each film is asked for once. Then what the
second output costs a prediction, which does not ask for it: the processor time of a forward pass with and without.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import onnx

from benchmarks.data import films_in, training_films
from benchmarks.load import Plan, send
from benchmarks.rows import ROUNDS, Row, Target
from benchmarks.serving import Room, room_with
from benchmarks.table import in_words
from hilum import bundle
from hilum.bundle.consistency import MAPS, ONNX_NAME
from hilum.bundle.golden import golden_films
from hilum.bundle.int8 import add_forms
from hilum.inference import Detector
from hilum.inference.engines import OnnxRuntime

FILMS = 4  # a round
MAPPED, COVERED = "class activation maps", "covering parts of the film"
WITH, WITHOUT = "with the maps as an output", "without"
PASSES = 40  # a round
_WORK = "one heat map in the reading room, 1 client"


def measure(named: str = "shipped") -> list[Row]:
    """Seconds a heat map, by maps and by covering; milliseconds a forward pass, with and without the output."""
    opened = bundle.read(named)
    assert Detector(opened).has_class_activation_maps, f"{named} has no class activation maps"
    with tempfile.TemporaryDirectory() as folder:
        plain = without_maps(opened, Path(folder) / "covered")
        return [*in_the_room(opened, plain), *forward(opened, plain)]


def forward(opened: bundle.Bundle, plain: bundle.Bundle) -> list[Row]:
    """The processor time of a film's logits, in one thread."""
    engines = {WITHOUT: OnnxRuntime(plain.onnx, "float32"), WITH: OnnxRuntime(opened.onnx, "float32")}
    films = golden_films(opened.spec.recipe.pixels, bundle.lung_finder(opened))[:1]
    times: dict[str, list[float]] = {name: [] for name in engines}
    for round_ in range(ROUNDS + 1):
        passes: dict[str, list[float]] = {name: [] for name in engines}
        for number in range(PASSES):
            for name in sorted(engines, reverse=bool(number % 2)):
                began = time.process_time()
                engines[name].logits(films)
                passes[name].append(1000 * (time.process_time() - began))
        for name, each in passes.items():
            times[name] += [statistics.median(each)] if round_ else []
    work = "a film's logits, processor time"
    return [
        Row(work, WITHOUT, tuple(times[WITHOUT]), "ms"),
        Row(work, WITH, tuple(times[WITH]), "ms", (Target(1.01, WITHOUT, at_most=True),)),
    ]


def in_the_room(opened: bundle.Bundle, plain: bundle.Bundle) -> list[Row]:
    """Seconds a heat map."""
    with room_with(str(opened.folder)) as mapped, room_with(str(plain.folder)) as covered:
        rooms = {MAPPED: mapped, COVERED: covered}
        seconds: dict[str, list[float]] = {name: [] for name in rooms}
        for round_ in range(ROUNDS + 1):
            for name, room in rooms.items():
                times = drawn(room, f"round {round_}")
                seconds[name] += times if round_ else []  # the first warms up
    return [
        Row(_WORK, MAPPED, tuple(seconds[MAPPED]), "s", (Target(0.5, at_most=True),)),
        Row(_WORK, COVERED, tuple(seconds[COVERED]), "s"),
    ]


def without_maps(opened: bundle.Bundle, folder: Path) -> bundle.Bundle:
    """The same bundle as it was before its network gave maps."""
    proto = onnx.load_from_string(opened.onnx)
    kept = [each for each in proto.graph.output if each.name != MAPS]
    del proto.graph.output[:]
    proto.graph.output.extend(kept)
    network = folder.parent / ONNX_NAME
    network.write_bytes(proto.SerializeToString())
    return add_forms(opened, folder, [network])


def drawn(room: Room, mark: str) -> list[float]:
    """Have some films answered, then ask for the heat map of each."""
    plain = tuple(str(each) for each in films_in(training_films())[:FILMS])
    sent = send(Plan(room.port, plain, mark, requests=FILMS, clients=1))
    assert set(sent.statuses) == {201}, f"not every film was answered: {sorted(set(sent.statuses))}"
    times = []
    for prediction in sent.ids:
        began = time.perf_counter()
        picture = room.get(f"/v1/predictions/{prediction}/heatmap")
        times.append(time.perf_counter() - began)
        assert picture.startswith(b"\x89PNG")
    return times


def main() -> None:
    """Print the medians, and what became of the target."""
    print(in_words(measure(*sys.argv[1:2]), []))


if __name__ == "__main__":
    main()
