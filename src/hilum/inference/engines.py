"""Engines that compute a bundle's network: ONNX Runtime and, where installed, OpenVINO; float32, bfloat16 or int8.

An engine computes each call on one processor, and as many calls at once as there are threads: films are independent,
and processors that share nothing but the weights never wait for one another.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.bundle import Bundle
from hilum.errors import RequestError
from hilum.extras import missing_packages, require

EngineName = Literal["onnx", "openvino"]
BATCH_SIZE = 8  # films that a network is given at a time: more fill no processor better, and leave its caches
Precision = Literal["float32", "bfloat16", "int8"]
# By how much a probability may differ from ONNX Runtime's in float32. That of int8 depends on what the network
# was trained on: it is measured on validation films when int8 is made (`bundle.int8`).
TOLERANCES: dict[Precision, float] = {"float32": 0.001, "bfloat16": 0.01}

Logits = NDArray[np.float32]


class Engine(Protocol):
    """A bundle's network, ready to compute; several threads may call it at once."""

    name: EngineName
    precision: Precision

    def logits(self, films: NDArray[np.uint8]) -> Logits:
        """Return the logits, (n, outputs), of preprocessed films, (n, size, size)."""


def installed_engines() -> tuple[EngineName, ...]:
    """Return the engines that are installed, without loading them."""
    return ("onnx",) if missing_packages("fast") else ("onnx", "openvino")


def refuse_missing(name: EngineName) -> None:
    """Raise RequestError for an engine that is not installed."""
    if name == "openvino":
        require("fast", "--engine openvino")


def open_engine(bundle: Bundle, name: EngineName, precision: Precision, threads: int) -> tuple[Engine, str]:
    """Load a bundle's network into an engine.

    Args:
        bundle: whose network it is.
        name: of the engine.
        precision: to compute in.
        threads: calls that are computed at once.

    Returns:
        The engine, and a note, empty unless it computes in another precision than the one that was asked for because
        this processor lacks the instructions.

    Raises:
        RequestError: the engine is not installed or has no such precision, or the bundle has no int8 network.
    """
    refuse_missing(name)
    path = network_of(bundle, precision)
    if name == "openvino":
        if precision == "bfloat16" and "BF16" not in _capabilities():
            note = "this processor has no instructions for bfloat16; computing in float32"
            return _OpenVino(path, "float32", threads), note
        return _OpenVino(path, precision, threads), ""
    if precision == "bfloat16":
        raise RequestError("ONNX Runtime has no bfloat16 on a CPU: use --engine openvino, or --precision float32")
    return OnnxRuntime(path, precision), ""


def network_of(bundle: Bundle, precision: Precision) -> Path:
    """Return the file that holds a bundle's network in a precision.

    Raises:
        RequestError: the bundle has no int8 network.
    """
    if precision != "int8":
        return bundle.onnx
    if bundle.int8 is None:
        raise RequestError(
            f"{bundle.folder}: has no int8 network; make one with: hilum export {bundle.folder} --to onnx "
            "--precision int8 --data DIR --out OUT"
        )
    return bundle.int8


def as_input(films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert films to a network's input: (n, size, size) uint8 → (n, 1, size, size) float32 in [0, 1].

    >>> as_input(np.full((2, 4, 4), 255, dtype=np.uint8)).shape
    (2, 1, 4, 4)
    """
    return films[:, None].astype(np.float32) / np.float32(255)


class OnnxRuntime:
    """ONNX Runtime, in the thread that calls it."""

    name: EngineName = "onnx"

    def __init__(self, path: Path, precision: Precision) -> None:
        """Load a network. Its file decides the precision that it computes in; `precision` only names it."""
        import onnxruntime

        self.precision = precision
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the thread that calls
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def logits(self, films: NDArray[np.uint8]) -> Logits:
        """Return the logits, (n, outputs), of preprocessed films, (n, size, size)."""
        given: Logits = self._session.run(["logits"], {"films": as_input(films)})[0]
        return given


class _OpenVino:
    name: EngineName = "openvino"

    def __init__(self, path: Path, precision: Precision, threads: int) -> None:
        self.precision = precision
        core = _openvino().Core()
        model = core.read_model(path)
        half = precision == "bfloat16"
        settings = {
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # the same processors decode films meanwhile
        }
        parts = _split_at_convolutions(model) if half else [model]
        hints = ["f32", "bf16"] if half else ["f32"]
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
            given: list[NDArray[np.float32]] = []
            for request in requests:
                request.infer(dict(enumerate([*given, inputs])), share_inputs=True)
                given = [tensor.data for tensor in request.output_tensors]
            return given[0].copy()  # the request's own memory is overwritten when it is used again
        finally:
            self._idle.put(requests)


def write_openvino(network: Path, path: Path) -> list[Path]:
    """Convert an ONNX network to OpenVINO's own format, and return the two files: `path` and its `.bin`.

    Raises:
        RequestError: OpenVINO is not installed.
    """
    refuse_missing("openvino")
    openvino = _openvino()
    openvino.save_model(openvino.Core().read_model(network), path, compress_to_fp16=False)
    return [path, path.with_suffix(".bin")]


def _openvino() -> Any:
    """Import OpenVINO without its telemetry, which would report the import to its makers."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _capabilities() -> Sequence[str]:
    found: Sequence[str] = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return found


def _split_at_convolutions(model: Any) -> list[Any]:
    """Split a network in two: what it does with grey values before its first convolutions, and everything after.

    OpenVINO's bfloat16 applies to a whole network. Taking the mean of a film and dividing by its deviation in 8
    bits of mantissa moved single probabilities by 0.11; with that part in float32 they moved by 0.005 at most, on the
    same 526 films.
    """
    openvino = _openvino()

    heavy: list[Any] = []
    after: set[str] = set()
    for node in model.get_ordered_ops():
        sources = [node.input_value(place).get_node() for place in range(node.get_input_size())]
        if any(source.get_friendly_name() in after for source in sources):
            after.add(node.get_friendly_name())
        elif node.get_type_name() in ("Convolution", "GroupConvolution", "MatMul"):
            heavy.append(node)
            after.add(node.get_friendly_name())
    cuts: dict[tuple[str, int], Any] = {}
    for node in heavy:
        source = node.input_value(0)
        cuts.setdefault((source.get_node().get_friendly_name(), source.get_index()), source)
    first = openvino.Model(
        [openvino.opset13.result(cut) for cut in cuts.values()], model.get_parameters(), "first"
    ).clone()
    inputs = {
        key: openvino.opset13.parameter(cut.get_partial_shape(), cut.get_element_type()) for key, cut in cuts.items()
    }
    for node in heavy:
        source = node.input_value(0)
        given = inputs[source.get_node().get_friendly_name(), source.get_index()]
        node.input(0).replace_source_output(given.output(0))
    # The films too: how many there are is read off them.
    return [first, openvino.Model(model.get_results(), [*inputs.values(), *model.get_parameters()], "rest")]
