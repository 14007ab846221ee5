"""Mutants by the thousand: read in processes of their own, counted, and put in a table.

python -m tests.fuzz.campaign 10000
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.kinds import KINDS
from tests.fuzz.worker import MOST_BYTES

MOST_SECONDS = 20.0
_ENOUGH = 20  # mutants of a kind, for a share of them to mean something
_STARTING = 120.0  # seconds for imports, on a busy machine
Part = tuple[str, int, int]  # a kind, and its mutants from and to


class Outcome(NamedTuple):
    """What came of one mutant.

    Attributes:
        kind: of file.
        number: of the mutant; the first ones of a kind are its seeds.
        status: `read`, `refused` or `fault`.
        why: the line, or what went wrong.
        reached: whether it came to the decoder.
    """

    kind: str
    number: int
    status: str
    why: str
    reached: bool


def run(
    parts: Sequence[Part], seed: int = 1, plant: str = "", most_seconds: float = MOST_SECONDS
) -> Iterator[Outcome]:
    """Read the mutants of these parts in one process, and in a new one after each that ends it."""
    waiting = list(parts)
    with tempfile.TemporaryDirectory() as folder:
        while waiting:
            begun: tuple[str, int] | None = None
            for line in _lines(Path(folder), {"parts": waiting, "seed": seed, "plant": plant}, most_seconds):
                if "done" in line:
                    return
                begun = None if "status" in line else (str(line["kind"]), int(str(line["number"])))
                if "status" in line:
                    yield _outcome(line, most_seconds)
            if begun is None:
                raise RuntimeError(f"the harness itself failed:\n{Path(folder, 'errors').read_text()}")
            kind, number = begun
            yield Outcome(kind, number, "fault", f"ended its process, or took more than {most_seconds:g} s", True)
            at = [part[0] for part in waiting].index(kind)
            rest = (kind, number + 1, waiting[at][2])
            go_on = 0 <= number < rest[2] - 1  # after its seed nothing else of this kind is worth a process
            waiting = [*([rest] if go_on else []), *waiting[at + 1 :]]


def _lines(folder: Path, job: dict[str, object], most_seconds: float) -> Iterator[dict[str, object]]:
    """A worker's lines, until it ends or a mutant takes too long."""
    command = [sys.executable, "-m", "tests.fuzz.worker", json.dumps({**job, "folder": str(folder)})]
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HILUM_CACHE": str(folder), "PYTHONPATH": paths}
    root = Path(__file__).parents[2]
    with (
        (folder / "errors").open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=root, env=environment) as process,
    ):
        assert process.stdout is not None
        buffer, patience = b"", _STARTING
        try:
            while select.select([process.stdout], [], [], patience)[0]:
                block = os.read(process.stdout.fileno(), 1 << 16)
                if not block:
                    return
                buffer += block
                *whole, buffer = buffer.split(b"\n")
                for line in map(json.loads, whole):
                    begins = line.get("number", -1) >= 0 and "status" not in line
                    patience = most_seconds if begins else _STARTING
                    yield line
        finally:
            process.kill()


def _outcome(line: dict[str, object], most_seconds: float) -> Outcome:
    status, why = str(line["status"]), str(line["why"])
    if float(str(line["seconds"])) > most_seconds:
        status, why = "fault", f"took {line['seconds']} s"
    if int(str(line["peak"])) > MOST_BYTES:
        status, why = "fault", f"took {line['peak']} bytes"
    number = int(str(line["number"]))
    if number < len(KINDS[str(line["kind"])].seeds()) and status == "refused":
        status, why = "fault", f"a whole file is refused: {why}"
    return Outcome(str(line["kind"]), number, status, why, bool(line["reached"]))


def run_all(mutants: int, seed: int = 1, *, slow: bool = True, processes: int = 2) -> list[Outcome]:
    """Divide so many mutants among the kinds, and read them in several processes."""
    names = [name for name, kind in KINDS.items() if slow or not kind.slow]
    each = -(-mutants // len(names))
    parts: list[Part] = [(name, 0, each) for name in names]
    with ThreadPoolExecutor(processes) as pool:
        found = pool.map(lambda mine: list(run(mine, seed)), [parts[n::processes] for n in range(processes)])
        return [outcome for outcomes in found for outcome in outcomes]


def complaints(outcomes: Sequence[Outcome]) -> list[str]:
    """What is wrong: every fault, and kinds whose mutants hardly ever get to the decoder, or are never read."""
    found = [f"{one.kind}, mutant {one.number}: {one.why}" for one in outcomes if one.status == "fault"]
    for kind in dict.fromkeys(one.kind for one in outcomes):
        mine = [one for one in outcomes if one.kind == kind and one.number >= len(KINDS[kind].seeds())]
        arrived = sum(one.reached for one in mine)
        if len(mine) >= _ENOUGH and arrived < KINDS[kind].least * len(mine):
            found.append(
                f"{kind}: {arrived} of {len(mine)} mutants got to the decoder, the others died in the header"
            )
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """For each kind how many mutants were read, refused and for which reasons."""
    lines = [f"{'kind':<22}{'mutants':>8}{'read':>7}{'refused':>8}{'faults':>7}{'decoder':>8}  most frequent reasons"]
    for kind in dict.fromkeys(one.kind for one in outcomes):
        mine = [one for one in outcomes if one.kind == kind and one.number >= 0]
        count = Counter(one.status for one in mine)
        share = sum(one.reached for one in mine) / max(1, len(mine))
        reasons = Counter(_reason(one.why) for one in mine if one.status == "refused").most_common(5)
        words = "; ".join(f"{number} {reason}" for reason, number in reasons)
        lines.append(
            f"{kind:<22}{len(mine):>8}{count['read']:>7}{count['refused']:>8}{count['fault']:>7}{share:>8.0%}"
            f"  {words}"
        )
    return "\n".join(lines)


def _reason(line: str) -> str:
    """A refusal without what differs from mutant to mutant."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "…", line.partition(";")[0])
    return re.sub(r"[^\s:]*/[^\s:]*", "…", re.sub(r"\d[\d.,×]*", "N", plain))[:60].strip(" :")


if __name__ == "__main__":
    results = run_all(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(table(results))
    print("\n".join(complaints(results)) or "no fault")
