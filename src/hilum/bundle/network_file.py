"""What is looked at in an ONNX file before a runtime loads it. No torch and no onnx here.

A model can name other files, from which runtimes read its numbers: those are not part of the bundle, nobody has
sealed them, and their paths lead anywhere. Loops can run for ever. Neither is in what Hilum exports.

The file is a Protocol Buffers message (https://protobuf.dev/programming-guides/encoding); the numbers of its fields
are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator

from hilum.errors import BundleError

# Which fields of a message hold messages that are looked at, and of what kind.
_HELD = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_OP_TYPE, _EXTERNAL_DATA, _DATA_LOCATION = 4, 13, 14
_LOOPS = (b"Loop", b"Scan")
_DEEPEST = 50  # graphs in graphs; runtimes go through them by recursion
_FIX = "take the bundle again from where it was made"


def refuse_unsafe_network(content: bytes, source: str) -> None:
    """Raise BundleError for an ONNX file that names other files, holds loops, or is no such file.

    Args:
        content: the file.
        source: names it in an error.
    """
    waiting = [("model", memoryview(content), 0)]
    seen_graph = False
    try:
        while waiting:
            kind, message, depth = waiting.pop()
            if depth > _DEEPEST:
                raise BundleError(f"{source}: damaged (graphs nested too deeply); {_FIX}")
            for number, value in _fields(message):
                if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1)):
                    raise BundleError(
                        f"{source}: keeps numbers in other files (ONNX external data), which no bundle seals; store "
                        "the model in one file and make the bundle again"
                    )
                if kind == "node" and number == _OP_TYPE and isinstance(value, memoryview) and bytes(value) in _LOOPS:
                    raise BundleError(f"{source}: holds a loop ({bytes(value).decode()}), which is not run; {_FIX}")
                held = _HELD[kind].get(number)
                if held and isinstance(value, memoryview):
                    seen_graph |= held == "graph"
                    waiting.append((held, value, depth + 1))
    except ValueError:
        raise BundleError(f"{source}: damaged, not an ONNX file; {_FIX}") from None
    if not seen_graph:
        raise BundleError(f"{source}: damaged, it holds no network; {_FIX}")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: their numbers and values; of bytes, messages and strings without a copy.

    Raises:
        ValueError: it is cut off, or no message.
    """
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        wire = tag & 7
        if wire == 0:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        if wire == 2:
            length, place = _varint(message, place)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError("groups are in no ONNX file")
        if place + length > len(message):
            raise ValueError("cut off")
        yield tag >> 3, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("cut off")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number of more than 64 bits")
