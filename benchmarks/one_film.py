"""Where a full-size film's time goes on its way to a row: milliseconds of one core, stage by stage, and as a whole.

    python -m benchmarks.one_film

The originals with S1, in OpenVINO's int8; decoding whole is what scoring is measured against.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.data import full_size
from benchmarks.engines import drawn_bundle, with_int8
from benchmarks.scoring import S1, decode
from hilum import films
from hilum.gate import check_films
from hilum.inference import Detector
from hilum.inference.engines import BATCH_SIZE
from hilum.pixels.decode import decode_scaled
from hilum.pixels.preprocess import largest_scale, preprocess_scaled
from hilum.workers import batched

ROUNDS = 5


def main() -> None:
    """Print a line for each stage."""
    paths = full_size()
    if not paths:
        print("the originals are not here")
        return
    some = films.find(list(map(str, paths))).films
    with tempfile.TemporaryDirectory() as folder:
        opened = with_int8(drawn_bundle(Path(folder) / "s1", *S1), Path(folder) / "int8")
        detector = Detector(opened.folder, engine="openvino", precision="int8", threads=1)
        spec, engine, gate = opened.spec.recipe.pixels, detector.engine, detector.gate
        assert engine is not None
        assert gate is not None
        content = [Path(film.path).read_bytes() for film in some]
        scale_of = partial(largest_scale, spec=spec)
        decoded = [decode_scaled(film.path, None, "", scale_of) for film in some]
        squares = [
            list(part) for part in batched((detector.read_square(film.path).levels for film in some), BATCH_SIZE)
        ]
        stages: dict[str, Callable[[], object]] = {
            "decoding whole, from memory": lambda: [decode(data, 1) for data in content],
            "decoding to an eighth, from memory": lambda: [decode(data, 8) for data in content],
            "reading and decoding at a fraction": lambda: [
                decode_scaled(film.path, None, "", scale_of) for film in some
            ],
            "cutting and scaling to the square": lambda: [
                preprocess_scaled(film.grey, spec, film.shape, film.scale, detector.lungs) for film in decoded
            ],
            "the network": lambda: [detector.probs(part) for part in squares],  # type: ignore[arg-type]
            "the gate": lambda: [check_films(gate, part) for part in squares],
            "from file to row": lambda: list(detector.stream(some)),
        }
        times: dict[str, list[float]] = {name: [] for name in stages}
        for number in range(ROUNDS + 1):
            for name, stage in stages.items():
                started = time.process_time()
                stage()
                if number:  # the first warms up
                    times[name].append(1000 * (time.process_time() - started) / len(some))
    for name, each in times.items():
        print(f"{name:<40}{statistics.median(each):>7.2f} ms ({min(each):.2f} to {max(each):.2f})")


if __name__ == "__main__":
    main()
