"""Engines: the inference runtimes of a bundle's network, on the CPU, in float32, bfloat16 or int8.

There are ONNX Runtime and, where it is installed, OpenVINO. An engine computes each call in one thread, and several
calls in parallel: films are independent, and threads that share nothing but the weights never wait for one another.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.bundle import Bundle
from hilum.bundle.consistency import LOGITS, MAPS, ONNX_NAME
from hilum.bundle.read import INT8_NAME
from hilum.errors import BundleError, RequestError, reason_of
from hilum.extras import missing_packages, require
from hilum.inference.openvino import cpu_capabilities, import_openvino, only_logits, split_at_convolutions
from hilum.onnx_session import open_session

EngineName = Literal["onnx", "openvino"]
BATCH_SIZE = 8  # films in a forward pass: larger batches use a processor no better, and no longer fit into its caches
Precision = Literal["float32", "bfloat16", "int8"]
# By how much a probability may differ from ONNX Runtime's in float32. The difference of int8 depends on the training
# films: it is measured on validation films when the network is quantised (`bundle.int8`).
TOLERANCES: dict[Precision, float] = {"float32": 0.001, "bfloat16": 0.01}

Logits = NDArray[np.float32]
Shape = tuple[int | None, ...]  # of a network's input or output; None where it can be any
Port = tuple[str, Shape]  # an input or an output, by its name

_TITLES: dict[EngineName, str] = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}


class Engine(Protocol):
    """A bundle's network, loaded into an inference runtime; several threads may call it at once."""

    name: EngineName
    precision: Precision

    def logits(self, films: NDArray[np.uint8]) -> Logits:
        """Return the logits, (n, outputs), of preprocessed films, (n, size, size)."""


def installed_engines() -> tuple[EngineName, ...]:
    """Return the engines that are installed, without importing them."""
    return ("onnx",) if missing_packages("fast") else ("onnx", "openvino")


def require_engine(name: EngineName) -> None:
    """Raise RequestError for an engine that is not installed."""
    if name == "openvino":
        require("fast", "--engine openvino")


def open_engine(bundle: Bundle, name: EngineName, precision: Precision, threads: int) -> tuple[Engine, str]:
    """Load a bundle's network into an engine, and see that it takes and gives what the bundle says.

    Args:
        bundle: the bundle with the network.
        name: which engine.
        precision: the number format to compute in.
        threads: the number of calls that may run in parallel.

    Returns:
        The engine; and a note where it computes in another precision than the one that was asked for, because this
        processor lacks the instructions, else an empty one.

    Raises:
        RequestError: the engine is not installed or lacks that precision, or the bundle has no int8 network.
        BundleError: the engine cannot load the network, or it is not for this bundle's films and classes.
    """
    require_engine(name)
    if name == "onnx" and precision == "bfloat16":
        raise RequestError("ONNX Runtime has no bfloat16 on a CPU: use --engine openvino, or --precision float32")
    note, network = "", _network(bundle, precision)
    if name == "openvino" and precision == "bfloat16" and "BF16" not in cpu_capabilities():
        note, precision = "this processor has no instructions for bfloat16; computing in float32", "float32"
    source = bundle.folder / (INT8_NAME if precision == "int8" else ONNX_NAME)
    engine: OnnxRuntime | _OpenVino
    try:
        engine = OnnxRuntime(network, precision) if name == "onnx" else _OpenVino(network, precision, threads)
    except Exception as error:  # of a kind of its own in each runtime
        raise BundleError(
            f"{source}: {_TITLES[name]} cannot load it ({short(error)}); take the bundle again from where it was made"
        ) from None
    _refuse_other_ports(engine, bundle, source)
    return engine, note


def _network(bundle: Bundle, precision: Precision) -> bytes:
    """A bundle's ONNX network for a precision; bfloat16 uses the float32 one.

    Raises:
        RequestError: the bundle has no int8 network.
    """
    if precision != "int8":
        return bundle.onnx
    network = bundle.int8
    if network is None:
        raise RequestError(
            f"{bundle.folder}: has no int8 network; make one with: hilum export {bundle.folder} --to onnx "
            "--precision int8 --data DIR --out OUT"
        )
    return network


def _refuse_other_ports(engine: OnnxRuntime | _OpenVino, bundle: Bundle, source: Path) -> None:
    """Raise BundleError for a network that takes or gives something else than the bundle's films and classes."""
    side, classes = bundle.spec.recipe.pixels.size, len(bundle.spec.classes)
    widths = (1, 2) if classes == 2 else (classes,)
    inputs, outputs = engine.ports
    given = dict(outputs)
    takes = len(inputs) == 1 and inputs[0][0] == "films" and _fits(inputs[0][1], (None, 1, side, side))
    gives = any(
        _fits(given.get(LOGITS, ()), (None, width))
        and (MAPS not in given or _fits(given[MAPS], (None, width, None, None)))
        for width in widths
    )
    if not takes or not gives:
        raise BundleError(
            f"{source}: takes {_named(inputs)} and gives {_named(outputs)}; a bundle of {classes} classes takes "
            f"films (n, 1, {side}, {side}) and gives logits (n, {' or '.join(map(str, widths))}); make the "
            "bundle again"
        )


def _fits(shape: Shape, asked: Shape) -> bool:
    """Whether a shape can be the one that is asked for; a side that is None can be any."""
    return len(shape) == len(asked) and all(
        one is None or other is None or one == other for one, other in zip(shape, asked, strict=True)
    )


def _named(ports: Iterable[Port]) -> str:
    shapes = (
        f"{name[:40]} ({', '.join('n' if side is None else str(side) for side in shape)})" for name, shape in ports
    )
    return ", ".join(shapes) or "nothing"


def short(error: BaseException) -> str:
    """What a runtime's error says, in one line that is not too long."""
    return reason_of(error)


def as_input(films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert films to a network's input: (n, size, size) uint8 → (n, 1, size, size) float32 in [0, 1].

    >>> as_input(np.full((2, 4, 4), 255, dtype=np.uint8)).shape
    (2, 1, 4, 4)
    """
    return films[:, None].astype(np.float32) / np.float32(255)


class OnnxRuntime:
    """A network in ONNX Runtime; each call computes in the calling thread."""

    name: EngineName = "onnx"

    def __init__(self, network: bytes, precision: Precision) -> None:
        """Load the bytes of an ONNX file, which determine the precision; `precision` only records it."""
        self.precision = precision
        self._session = open_session(network)

    @property
    def ports(self) -> tuple[list[Port], list[Port]]:
        """What the network takes and what it gives."""
        inputs, outputs = (
            [
                (port.name, tuple(side if isinstance(side, int) else None for side in port.shape or ()))
                for port in ports
            ]
            for ports in (self._session.get_inputs(), self._session.get_outputs())
        )
        return inputs, outputs

    def logits(self, films: NDArray[np.uint8]) -> Logits:
        """Return the logits, (n, outputs), of preprocessed films, (n, size, size)."""
        logits: Logits = self._session.run([LOGITS], {"films": as_input(films)})[0]
        return logits

    @property
    def gives_maps(self) -> bool:
        """Whether it also gives class activation maps."""
        return any(name == MAPS for name, _ in self.ports[1])

    def class_activation_maps(self, films: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what each place adds to the logits, (n, outputs, rows, columns), of preprocessed films."""
        maps: NDArray[np.float32] = self._session.run([MAPS], {"films": as_input(films)})[0]
        return maps


class _OpenVino:
    """A network in OpenVINO; `threads` calls can run in parallel, each in an inference request of its own."""

    name: EngineName = "openvino"

    def __init__(self, network: bytes, precision: Precision, threads: int) -> None:
        self.precision = precision
        core = import_openvino().Core()
        model = only_logits(core.read_model(BytesIO(network)))
        inputs, outputs = (
            [
                (
                    min(port.get_names(), default=""),
                    tuple(int(str(side)) if side.is_static else None for side in port.get_partial_shape()),
                )
                for port in ports
            ]
            for ports in (model.inputs, model.outputs)
        )
        self.ports: tuple[list[Port], list[Port]] = (inputs, outputs)
        bfloat16 = precision == "bfloat16"
        settings = {
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # other threads decode films on the same processors
        }
        parts = split_at_convolutions(model) if bfloat16 else [model]
        hints = ["f32", "bf16"] if bfloat16 else ["f32"]
        compiled = [
            core.compile_model(part, "CPU", {**settings, "INFERENCE_PRECISION_HINT": hint})
            for part, hint in zip(parts, hints, strict=True)
        ]
        self._idle: SimpleQueue[list[Any]] = SimpleQueue()
        for _ in range(threads):
            self._idle.put([part.create_infer_request() for part in compiled])

    def logits(self, films: NDArray[np.uint8]) -> Logits:
        requests = self._idle.get()
        try:
            inputs = as_input(films)
            outputs: list[NDArray[np.float32]] = []
            for request in requests:  # one for each part of the network: the first takes the films, the second both
                request.infer(dict(enumerate([*outputs, inputs])), share_inputs=True)
                outputs = [tensor.data for tensor in request.output_tensors]
            return outputs[0].copy()  # the request reuses its memory
        finally:
            self._idle.put(requests)
