"""Which engine and precision are fastest for a bundle on this machine: measured once, and kept.

Another processor, another version of a library or another bundle is measured anew. Nothing is chosen whose answers
are not the bundle's own within the stated tolerance.
"""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum import bundle, confidence
from hilum.bundle import Bundle
from hilum.bundle.golden import golden_films
from hilum.errors import BundleError, RequestError
from hilum.files import cache_folder, write_text
from hilum.inference.engines import (
    BATCH_SIZE,
    TOLERANCES,
    Engine,
    EngineName,
    Precision,
    installed,
    open_engine,
    refuse_missing,
)

Probs = NDArray[np.float64]

_ROUNDS, _SECONDS = 5, 0.3  # a round of each candidate in turn, each so long
_PACKAGES: dict[EngineName, str] = {"onnx": "onnxruntime", "openvino": "openvino"}


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured on a machine.

    Attributes:
        engine: the fastest.
        precision: that it is fastest in.
        films_a_second: of every candidate, as `engine precision`; 0 of one that was left out.
        left_out: why, by the same names.
    """

    engine: EngineName
    precision: Precision
    films_a_second: dict[str, float]
    left_out: dict[str, str]


def choose_engine(
    opened: Bundle, engine: EngineName | Literal["auto"], precision: Precision | Literal["auto"], threads: int
) -> tuple[EngineName, Precision]:
    """The fastest engine and precision of those that are left open.

    Args:
        opened: the bundle.
        engine: the only one to consider, or `auto`.
        precision: the only one to consider, or `auto`: float32; bfloat16, where generated films get what they get in
            float32 within `TOLERANCES`; int8, where the bundle holds such a network, which validation films accepted.
        threads: calls at once.

    Raises:
        RequestError: no engine that is here computes in that precision.
    """
    if engine != "auto":
        refuse_missing(engine)
    engines: tuple[EngineName, ...] = installed() if engine == "auto" else (engine,)
    precisions: tuple[Precision, ...] = get_args(Precision) if precision == "auto" else (precision,)
    if precision == "auto" and opened.int8 is None:
        precisions = ("float32", "bfloat16")
    candidates = [(name, kind) for kind in precisions for name in engines if (name, kind) != ("onnx", "bfloat16")]
    if not candidates:  # ONNX Runtime alone has no bfloat16
        refuse_missing("openvino")
    if len(candidates) == 1:
        return candidates[0]
    path = _kept_at(opened, candidates, threads)
    with suppress(OSError, msgspec.DecodeError):
        kept = msgspec.json.decode(path.read_bytes(), type=Choice)
        return kept.engine, kept.precision
    choice = measure(opened, candidates, threads)
    with suppress(OSError):  # measured again next time
        write_text(path, msgspec.json.format(msgspec.json.encode(choice), indent=1).decode() + "\n")
    return choice.engine, choice.precision


def measure(opened: Bundle, candidates: list[tuple[EngineName, Precision]], threads: int) -> Choice:
    """Measure the candidates in turn, after each has shown that it computes what the bundle says.

    Raises:
        BundleError: none does.
        RequestError: a candidate cannot be opened, and there is no other.
    """
    films = golden_films(opened.spec.recipe.pixels)
    exact = _probs(opened, open_engine(opened, "onnx", "float32", 1)[0], films)
    left_out: dict[str, str] = {}
    engines: dict[str, Engine] = {}
    for name, kind in candidates:
        named = f"{name} {kind}"
        try:
            engine, note = open_engine(opened, name, kind, threads)
            if note:
                left_out[named] = note
                continue
            _refuse_other(opened, engine, films, exact)
            engines[named] = engine
        except (BundleError, RequestError) as error:
            left_out[named] = str(error)
    if not engines:
        raise BundleError(f"{opened.folder}: no engine can compute it here: {'; '.join(left_out.values())}")
    shown = np.concatenate([films] * (BATCH_SIZE // len(films)))
    rates: dict[str, list[float]] = {named: [] for named in engines}
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(_ROUNDS):
            for named, engine in engines.items():
                rates[named].append(_rate(engine, shown, pool, threads))
    speed = {named: statistics.median(each) for named, each in rates.items()}
    fastest = engines[max(speed, key=speed.__getitem__)]
    return Choice(fastest.name, fastest.precision, {**speed, **dict.fromkeys(left_out, 0.0)}, left_out)


def _refuse_other(opened: Bundle, engine: Engine, films: NDArray[np.uint8], exact: Probs) -> None:
    """Raise BundleError where an engine says something else of generated films than it may."""
    given = _probs(opened, engine, films)
    if engine.precision == "int8":  # its own predictions are stored with it
        bundle.check_golden(opened.int8_record, opened.spec.recipe.pixels, lambda _: given)
        return
    worst = float(np.abs(given - exact).max())
    if not worst <= TOLERANCES[engine.precision]:
        raise BundleError(f"{engine.name} in {engine.precision} moves a probability by {worst:.3g}")


def _probs(opened: Bundle, engine: Engine, films: NDArray[np.uint8]) -> Probs:
    return confidence.calibrated(opened.spec.calibration, bundle.probabilities(engine.logits(films)))


def _rate(engine: Engine, films: NDArray[np.uint8], pool: ThreadPoolExecutor, threads: int) -> float:
    """Films a second, with every thread at work."""
    end = time.perf_counter() + _SECONDS

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < end:
            done += len(engine.logits(films))
        return done

    started = time.perf_counter()
    done = sum(pool.map(work, range(threads)))
    return done / (time.perf_counter() - started)


def _kept_at(opened: Bundle, candidates: list[tuple[EngineName, Precision]], threads: int) -> Path:
    """Where the choice lies among these candidates, for this bundle on this machine with these libraries."""
    versions = {name: version(package) for name, package in _PACKAGES.items() if name in installed()}
    described = [opened.spec.seal, candidates, threads, _processor(), os.cpu_count(), sorted(versions.items())]
    name = hashlib.sha256(msgspec.json.encode(described)).hexdigest()[:16]
    return cache_folder() / "engines" / f"{name}.json"


def _processor() -> str:
    """The processor's model, as far as the system says it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return f"{platform.machine()} {line.partition(':')[2].strip()}"
    return f"{platform.machine()} {platform.processor()}"
