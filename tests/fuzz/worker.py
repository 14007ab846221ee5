"""A process that reads mutants one after another and says of each what came of it, before the next one begins.

Whatever a mutant does to the process, the one that waits for it knows which one it was.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

from hilum.errors import HilumError
from tests.fuzz.kinds import KINDS, Kind, mutant

MOST_BYTES = 2_000_000_000
_HILUM = str(Path(importlib.import_module("hilum").__file__ or "").parent)
_HERE = str(Path(__file__).parent)
# A mistake of our own code, even if a boundary above it calls the file damaged.
_MISTAKES = (AttributeError, NameError, AssertionError, TypeError, IndexError, ZeroDivisionError)
PYTHON_WORDS = re.compile(
    r"NoneType|not subscriptable|out of range for|(?<!palette )index out of|out of bounds|could not broadcast"
    r"|has no attribute|unexpected keyword|positional argument|unhashable|Traceback|[A-Z][a-z]+Error\b|list indices"
    r"|cannot unpack|values to unpack|invalid literal for|unsupported operand|object is not|must be str\b"
    r"|could not convert|codec can't|a bytes-like object|unpack_from|unpack requires|recursion depth"
    r"|division by zero|cannot reshape|<class|0x[0-9a-f]{8,}"
)


class PlantedError(IndexError):
    """A fault that the harness puts into a decoder, to see whether it is noticed."""


def _wrapped(function: Any, plant: str, reached: list[bool], on: list[bool]) -> Any:
    def entrance(*args: Any, **options: Any) -> Any:
        reached[0] = True
        if on[0] and plant == "raise":
            raise PlantedError("list index out of range")
        if on[0] and plant == "hang":
            time.sleep(3600)
        if on[0] and plant == "allocate":
            bytearray(3_000_000_000)
        if on[0] and plant == "abort":
            os.abort()
        return function(*args, **options)

    return entrance


def _install(kind: Kind, plant: str, reached: list[bool], on: list[bool]) -> list[tuple[Any, str, Any]]:
    """Count who comes to a decoder, and plant a fault there; returns what was there before."""
    before = []
    for place in kind.decoders:
        module, _, path = place.partition(":")
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        before.append((owner, name, owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)))
        function = before[-1][2]
        static = isinstance(function, staticmethod)
        wrapped = _wrapped(function.__func__ if static else function, plant, reached, on)
        setattr(owner, name, staticmethod(wrapped) if static else wrapped)
    return before


def _innermost(trace: TracebackType | None) -> str:
    place = ""
    while trace is not None:
        place, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return place


def _mistake(error: BaseException | None) -> str:
    """A mistake in what led to a refusal, in our own code or planted."""
    while error is not None:
        place = _innermost(error.__traceback__)
        if isinstance(error, PlantedError) or (isinstance(error, _MISTAKES) and place.startswith((_HILUM, _HERE))):
            return f"{type(error).__name__} in {Path(place).name} behind a refusal: {error}"
        error = error.__context__
    return ""


def _peak() -> int:
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]
    except (OSError, TypeError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _limit_memory() -> None:
    """What is there already, and what one mutant may take: more ends in a MemoryError, which is a fault."""
    try:
        (pages, *_) = Path("/proc/self/statm").read_text().split()
    except OSError:
        return
    most = int(pages) * os.sysconf("SC_PAGE_SIZE") + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _outcome(kind: Kind, path: Path) -> tuple[str, str]:
    """`read`, `refused` or `fault`, and why."""
    try:
        kind.read(path)
    except HilumError as error:
        line = str(error)
        if "\n" in line or not line.isprintable():
            return "fault", f"more than one line: {line!r}"
        if "more memory than there is" in line:
            return "fault", line
        if words := PYTHON_WORDS.search(line):
            return "fault", f"Python's words ({words[0]}): {line}"
        if mistake := _mistake(error):
            return "fault", mistake
        return "refused", line.replace(str(path), "").replace(str(path.parent), "").strip(": ")
    except BaseException as error:
        place = _innermost(error.__traceback__)
        return "fault", f"{type(error).__name__} in {Path(place).name}: {str(error)[:200]}"
    return "read", ""


def main() -> None:
    """Read mutants as the argument says, and write a line before and after each."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what decoders print must not get between the answers
    folder = Path(job["folder"])

    def say(**line: Any) -> None:
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    for name, start, stop in job["parts"]:
        kind = KINDS[name]
        path = folder / name.replace(" ", "-") / kind.file
        path.parent.mkdir(parents=True, exist_ok=True)
        kind.prepare(path.parent)
        reached, on = [False], [False]
        before = _install(kind, job["plant"], reached, on)
        say(kind=name, number=-1)
        path.write_bytes(kind.seeds()[0])
        kind.finish(path, kind.seeds()[0], Random(1))
        status, why = _outcome(kind, path)  # imports what it needs; the seeds are read again as the first mutants
        say(kind=name, number=-1, status=status, why=why, reached=reached[0], seconds=0, peak=0)
        on[0] = True
        if not job.get("limited"):
            _limit_memory()
            job["limited"] = True
        for number in range(start, stop):
            data, rnd = mutant(kind, name, job["seed"], number)
            path.write_bytes(data)
            with suppress(Exception):  # what cannot be sealed is left as it is
                kind.finish(path, data, rnd)
            say(kind=name, number=number)
            reached[0] = False
            _forget_peak()
            began = time.monotonic()
            status, why = _outcome(kind, path)
            say(kind=name, number=number, status=status, why=why, reached=reached[0],
                seconds=time.monotonic() - began, peak=_peak())  # fmt: skip
        for owner, attribute, function in before:
            setattr(owner, attribute, function)
    say(done=True)


if __name__ == "__main__":
    main()
