"""Changes of bytes that know no format, and of values that know what a number is."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Mutator = Callable[[bytes, Random], bytes]

NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    255,
    65_536,
    2**31,
    2**53 + 1,
    2**63,
    10**30,
    -(10**30),
    0.0,
    -0.0,
    0.5,
    1e-320,
    1e308,
    "",
    "NaN",
    "x",
    "NORMAL",
    "../../etc/passwd",
    "a\nb",
    "\x1b[2J",
    "\ud800",
    "x" * 100_000,
    [],
    [[]],
    {},
    [1, 2],
    {"a": 1},
)


def flip_bits(data: bytes, rnd: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rnd.choice((1, 1, 2, 8, 32))):
        changed[rnd.randrange(len(changed))] ^= 1 << rnd.randrange(8)
    return bytes(changed)


def flip_late_bits(data: bytes, rnd: Random) -> bytes:
    """Behind the first half, where a header is over."""
    middle = len(data) // 2
    return data[:middle] + flip_bits(data[middle:], rnd)


def truncate(data: bytes, rnd: Random) -> bytes:
    return data[: rnd.randrange(1, len(data))]


def cut_the_end(data: bytes, rnd: Random) -> bytes:
    return data[: -rnd.randrange(1, min(64, len(data)))]


def delete_a_part(data: bytes, rnd: Random) -> bytes:
    start = rnd.randrange(len(data))
    return data[:start] + data[start + rnd.choice((1, 2, 16, 256)) :]


def repeat_a_part(data: bytes, rnd: Random) -> bytes:
    start = rnd.randrange(len(data))
    part = data[start : start + rnd.choice((1, 4, 64, 1024))]
    return data[:start] + part * rnd.choice((2, 3, 100)) + data[start:]


def move_a_part(data: bytes, rnd: Random) -> bytes:
    start, target, length = rnd.randrange(len(data)), rnd.randrange(len(data)), rnd.choice((4, 32, 256))
    return data[:target] + data[start : start + length] + data[target + length :]


def put_noise(data: bytes, rnd: Random) -> bytes:
    start = rnd.randrange(len(data))
    return data[:start] + rnd.randbytes(rnd.choice((1, 8, 128))) + data[start:]


def put_an_extreme_number(data: bytes, rnd: Random) -> bytes:
    form = rnd.choice(("B", "<H", ">H", "<I", ">I"))
    size = struct.calcsize(form)
    packed = struct.pack(form, rnd.choice(NUMBERS) & ((1 << 8 * size) - 1))
    start = rnd.randrange(max(1, min(len(data), rnd.choice((64, 512, len(data)))) - size))
    return data[:start] + packed + data[start + size :]


def zero_a_part(data: bytes, rnd: Random) -> bytes:
    start, length = rnd.randrange(len(data)), rnd.choice((1, 16, 256))
    return data[:start] + bytes(min(length, len(data) - start)) + data[start + length :]


def add_much(data: bytes, rnd: Random) -> bytes:
    return data + rnd.choice((b"\0", b"\xff", data[:64])) * rnd.choice((1, 1000, 100_000))


BYTES: Sequence[Mutator] = (
    flip_bits,
    flip_late_bits,
    flip_late_bits,
    truncate,
    cut_the_end,
    delete_a_part,
    repeat_a_part,
    move_a_part,
    put_noise,
    put_an_extreme_number,
    zero_a_part,
    add_much,
)


def change_a_value(tree: Any, rnd: Random) -> Any:
    """A copy of nested lists and dicts in which one value is another, missing, twice, or deep in itself."""
    if isinstance(tree, (dict, list)) and tree and rnd.random() < 0.85:
        items: Any = dict(tree) if isinstance(tree, dict) else list(tree)
        key: Any = rnd.choice(list(items)) if isinstance(items, dict) else rnd.randrange(len(items))
        how = rnd.random()
        if how < 0.1:
            del items[key]
        elif how < 0.2 and isinstance(items, list):
            items[key:key] = [items[key]] * rnd.choice((1, 2, 500))
        elif how < 0.2:
            items[rnd.choice(("unknown", "", key.upper()))] = items[key]
        else:
            items[key] = change_a_value(items[key], rnd)
        return items
    if isinstance(tree, (int, float)) and not isinstance(tree, bool) and rnd.random() < 0.5:
        return rnd.choice((tree + 1, -tree, tree * 2, tree / 3, tree * 10**6, float(tree)))
    if isinstance(tree, str) and tree and rnd.random() < 0.4:
        at = rnd.randrange(len(tree))
        return tree[:at] + rnd.choice(("", "é", "\0", tree)) + tree[at + 1 :]
    if rnd.random() < 0.1:
        return nested(tree, rnd.choice((3, 40, 900, 5000)))
    return rnd.choice(VALUES)


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value
