"""Training beside its peers: an epoch of S1, and S2's whole run.

    python -m benchmarks.training

Every system is a process of its own that has its data ready and has done the work once; they take turns. Without the
peers' environments (`make bench` makes them) Hilum is measured alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from benchmarks.data import some_films
from benchmarks.peers.ours import EPOCHS, S1, S2
from benchmarks.rows import Row, Target
from benchmarks.table import in_words
from hilum.models.profile import profile
from hilum.training.precision import uses_bfloat16

ENVIRONMENTS = Path(__file__).parents[1] / ".bench"
KERAS, KERAS_MIXED = "Keras, as it comes (float32)", "Keras, mixed_bfloat16"
TUTORIAL, MONAI = "PyTorch tutorial", "MONAI CacheDataset"
Launch = tuple[str, str, dict[str, str]]  # in which environment, by which module, with which settings of it
BY_KERAS: dict[str, Launch] = {
    KERAS: ("keras", "keras_peer", {"HILUM_BENCH_KERAS": "float32"}),
    KERAS_MIXED: ("keras", "keras_peer", {"HILUM_BENCH_KERAS": "mixed"}),
}
BY_TORCH: dict[str, Launch] = {
    TUTORIAL: ("torch", "tutorial_peer", {}),
    MONAI: ("torch", "monai_peer", {}),
}
PEERS = {"s1": BY_KERAS | BY_TORCH, "s2": BY_KERAS}
FILMS, ROUNDS = {"s1": 448, "s2": 96}, {"s1": 5, "s2": 3}


def measure() -> list[Row]:
    """Rows of both pieces of work."""
    number = "bfloat16" if uses_bfloat16(S1.training) else "float32"
    one, two = profile(S1.model, S1.pixels.size), profile(S2.model, S2.pixels.size)
    s1 = _rates("s1")
    # Forward, and twice as much back: for the maps and for the weights.
    training = (f"convolution, {number}", 3 * 2 * one.multiply_adds / 1e9)
    rows = [
        Row("S1, an epoch of training, augmented", system, rates, limit=training if system == "Hilum" else None)
        for system, rates in s1.items()
    ]
    rows[0] = _held(rows[0], {KERAS: 3.0, KERAS_MIXED: 3.0, TUTORIAL: 5.0}, s1)
    s2 = _rates("s2")
    trunk = (f"convolution, {number}", 2 * two.multiply_adds / 1e9)
    whole = "VGG-16 transfer (S2), the whole run of 27 epochs"
    stored = Row(whole, "Hilum", s2["Hilum"], limit=trunk, note="features stored")
    rows.append(_held(stored, dict.fromkeys(BY_KERAS, 25.0), s2))
    for system in [name for name in BY_KERAS if name in s2]:
        rates = tuple(rate / EPOCHS for rate in s2[system])
        rows.append(Row(whole, system, rates, note="one epoch through the trunk, times 27"))
    return rows


def _held(row: Row, bounds: dict[str, float], there: dict[str, tuple[float, ...]]) -> Row:
    targets = tuple(Target(bound, against=system) for system, bound in bounds.items() if system in there)
    return Row(row.work, row.system, row.values, row.unit, targets, row.limit, row.note)


def _rates(work: str) -> dict[str, tuple[float, ...]]:
    """Films a second of every system that is there, one a round."""
    with TemporaryDirectory() as folder:
        films, cache = Path(folder) / "films", Path(folder) / "cache"
        films.mkdir()
        some_films(FILMS[work], films)
        systems = {"Hilum": _Peer(Path(sys.executable), "ours", work, films, cache)}
        for name, (environment, module, settings) in PEERS[work].items():
            python = ENVIRONMENTS / environment / "bin" / "python"
            if python.exists():
                systems[name] = _Peer(python, module, work, films, cache, settings)
            else:
                print(f"{name} is left out: no {python}; make bench makes it", file=sys.stderr)
        try:
            for system in systems.values():  # one at a time, so that each warms up alone
                system.start()
            rounds = [{name: system.rate() for name, system in systems.items()} for _ in range(ROUNDS[work])]
        finally:
            for system in systems.values():
                system.stop()
    return {name: tuple(each[name] for each in rounds) for name in systems}


class _Peer:
    """A process that serves one piece of work (`peers.serve`)."""

    def __init__(
        self, python: Path, module: str, work: str, films: Path, cache: Path, settings: dict[str, str] | None = None
    ) -> None:
        self._command = [str(python), "-m", f"benchmarks.peers.{module}", work, str(films)]
        self._environment = {**os.environ, "HILUM_CACHE": str(cache), **(settings or {})}
        self._process: subprocess.Popen[str] | None = None
        self._said = TemporaryFile("w+")  # noqa: SIM115  (for as long as the process runs; a pipe would fill up)

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._answer()

    def rate(self) -> float:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = json.loads(self._answer())
        return float(answer["films"] / answer["seconds"])

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            self._said.seek(0)
            raise RuntimeError(f"{' '.join(self._command)} ended:\n{self._said.read()}")
        return answer


def main() -> None:
    """Print the rows and what became of the targets."""
    print(in_words(measure(), []))


if __name__ == "__main__":
    main()
