"""A network in ONNX Runtime: on the processor, in the calling thread, and without a word of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_session(network: bytes) -> InferenceSession:
    """Load a network, which several threads may then compute at once, each in itself.

    Args:
        network: the bytes of an ONNX file.

    Raises:
        Exception: of ONNX Runtime's own kinds, which are not all public: it cannot load it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # only the calling thread
    # Without VNNI the quickest instruction for 8-bit products (VPMADDUBSW) cuts their sums off at 16 bits in silence;
    # this asks for the exact ones.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 4  # what fails is raised too, and said once
    # Its fallback prints, and tries the same again.
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"], enable_fallback=0)
