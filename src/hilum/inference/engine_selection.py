"""Which engine and precision are fastest for a bundle on this machine: measured once, and kept.

Another processor, another version of a library or another bundle is measured anew. Nothing is selected whose
probabilities are not the bundle's own within the stated tolerance.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib.metadata import version
from typing import Literal, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum import bundle, confidence
from hilum.bundle import Bundle
from hilum.bundle.golden import golden_films
from hilum.bundle.read import INT8_NAME, INT8_RECORD_NAME
from hilum.errors import BundleError, RequestError
from hilum.inference.engines import (
    BATCH_SIZE,
    TOLERANCES,
    Engine,
    EngineName,
    Precision,
    installed_engines,
    open_engine,
    require_engine,
)
from hilum.machine import processor_name
from hilum.measurements import measured_once
from hilum.places import cache_folder
from hilum.workers import map_in_order

Probs = NDArray[np.float64]
Candidate = tuple[EngineName, Precision]

_ROUNDS, _SECONDS = 5, 0.3  # a round of each candidate in turn, each so long
_PACKAGES: dict[EngineName, str] = {"onnx": "onnxruntime", "openvino": "openvino"}


class EngineSelection(Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured on a machine.

    Attributes:
        engine: the fastest.
        precision: that it is fastest in.
        films_per_second: of each candidate, by `engine precision`; 0 of one that was omitted.
        omitted: why, by the same names.
    """

    engine: EngineName
    precision: Precision
    films_per_second: dict[str, float]
    omitted: dict[str, str]


def select_engine(
    opened: Bundle, engine: EngineName | Literal["auto"], precision: Precision | Literal["auto"], threads: int
) -> Candidate:
    """Return the fastest engine and precision of those that may be taken.

    What was measured is kept in `engines.json` in the cache folder (`places.cache_folder`).

    Args:
        opened: the bundle.
        engine: the only one to consider, or `auto`.
        precision: the only one to consider, or `auto`: float32; bfloat16, where generated films get what they get in
            float32 within `TOLERANCES`; int8, where the bundle holds such a network, which validation films accepted.
        threads: calls at once.

    Raises:
        RequestError: no engine that is installed computes in that precision.
    """
    if engine != "auto":
        require_engine(engine)
    engines: tuple[EngineName, ...] = installed_engines() if engine == "auto" else (engine,)
    precisions: tuple[Precision, ...] = get_args(Precision) if precision == "auto" else (precision,)
    if precision == "auto" and not opened.holds(INT8_NAME):
        precisions = ("float32", "bfloat16")
    candidates = [(name, kind) for kind in precisions for name in engines if (name, kind) != ("onnx", "bfloat16")]
    if not candidates:  # ONNX Runtime alone has no bfloat16
        require_engine("openvino")
    if len(candidates) == 1:
        return candidates[0]
    path, key = cache_folder() / "engines.json", _situation(opened, candidates, threads)
    selected = measured_once(path, key, EngineSelection, lambda: measure_engines(opened, candidates, threads))
    return selected.engine, selected.precision


def measure_engines(opened: Bundle, candidates: list[Candidate], threads: int) -> EngineSelection:
    """Measure the candidates in turn, once each has shown that it computes what the bundle promises.

    Raises:
        BundleError: none does.
    """
    films = golden_films(opened.spec.recipe.pixels, bundle.lung_finder(opened))
    exact = _probs(opened, open_engine(opened, "onnx", "float32", 1)[0], films)
    omitted: dict[str, str] = {}
    engines: dict[str, Engine] = {}
    for name, kind in candidates:
        candidate = f"{name} {kind}"
        try:
            engine, note = open_engine(opened, name, kind, threads)
            if note:
                omitted[candidate] = note
                continue
            _refuse_deviating(opened, engine, films, exact)
            engines[candidate] = engine
        except (BundleError, RequestError) as error:
            omitted[candidate] = str(error)
    if not engines:
        raise BundleError(f"{opened.folder}: no engine can compute it here: {'; '.join(omitted.values())}")
    batch = np.concatenate([films] * (BATCH_SIZE // len(films)))
    rates: dict[str, list[float]] = {candidate: [] for candidate in engines}
    for _ in range(_ROUNDS):
        for candidate, engine in engines.items():
            rates[candidate].append(_rate(engine, batch, threads))
    speed = {candidate: statistics.median(each) for candidate, each in rates.items()}
    fastest = engines[max(speed, key=speed.__getitem__)]
    return EngineSelection(fastest.name, fastest.precision, {**speed, **dict.fromkeys(omitted, 0.0)}, omitted)


def _refuse_deviating(opened: Bundle, engine: Engine, films: NDArray[np.uint8], exact: Probs) -> None:
    """Raise BundleError where an engine gives generated films probabilities that are not the bundle's."""
    given = _probs(opened, engine, films)
    if engine.precision == "int8":  # its own predictions are stored with it
        golden = bundle.parse_golden(opened.int8_record, str(opened.folder / INT8_RECORD_NAME))
        bundle.check_golden(
            golden, opened.folder, opened.spec.recipe.pixels, lambda films, lungs: given, bundle.lung_finder(opened)
        )
        return
    worst = float(np.abs(given - exact).max())
    if not worst <= TOLERANCES[engine.precision]:
        raise BundleError(f"{engine.name} in {engine.precision} moves a probability by {worst:.3g}")


def _probs(opened: Bundle, engine: Engine, films: NDArray[np.uint8]) -> Probs:
    return confidence.calibrated(opened.spec.calibration, bundle.probabilities(engine.logits(films)))


def _rate(engine: Engine, batch: NDArray[np.uint8], threads: int) -> float:
    """Films per second, with every thread at work."""
    end = time.perf_counter() + _SECONDS

    def work(_: int) -> int:
        done = len(engine.logits(batch))
        while time.perf_counter() < end:
            done += len(engine.logits(batch))
        return done

    started = time.perf_counter()
    done = sum(map_in_order(work, range(threads), threads))
    return done / (time.perf_counter() - started)


def _situation(opened: Bundle, candidates: list[Candidate], threads: int) -> str:
    """Everything that decides which engine is fastest: the bundle, the candidates, the machine and the libraries."""
    names = ", ".join(" ".join(candidate) for candidate in candidates)
    versions = ", ".join(
        f"{package} {version(package)}" for name, package in _PACKAGES.items() if name in installed_engines()
    )
    processor = f"{platform.machine()} {processor_name()}, {os.cpu_count()} processors"
    return f"bundle {opened.spec.seal}: {names}; {threads} threads; {processor}; {versions}"
