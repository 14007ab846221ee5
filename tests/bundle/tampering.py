"""Bundles as somebody leaves them who changes them: by accident, or with the seal computed again."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hilum.bundle.record import seal_of
from hilum.files import sha256_of

Tamper = Callable[[Path, random.Random], str]

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2, 3, 7, 10**30, 1e308, -0.5, 0.0001, 1e-320, "", "x", "NORMAL", "../../etc/passwd",
    "a\x1b[2J", "line\nfeed", "\ud7ff", "x" * 300, [], {}, [[]], [1], ["NORMAL"], {"x": 1}, "model.onnx",
    "/dev/zero", "best", "none",
)  # fmt: skip


def reseal(folder: Path) -> None:
    """What somebody does who has changed a file and knows how bundles are sealed."""
    record = json.loads((folder / "bundle.json").read_bytes())
    for name in record["files"]:
        path = folder / name
        if path.is_file():
            record["files"][name] = sha256_of(path)
    (folder / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))


def record_bytes(folder: Path, draw: random.Random) -> str:
    """Bytes of the record, whose seal is left as it was."""
    path = folder / "bundle.json"
    path.write_bytes(mutated(path.read_bytes(), draw))
    return "record's bytes"


def record_value(folder: Path, draw: random.Random) -> str:
    """A value anywhere in the record, sealed again."""
    record = json.loads((folder / "bundle.json").read_bytes())
    place = _change_value(record, draw)
    if isinstance(record, dict):
        (folder / "bundle.json").write_text(json.dumps({**record, "seal": seal_of(record)}))
    return f"record: {place}"


def json_value(folder: Path, draw: random.Random) -> str:
    """A value anywhere in another JSON file, sealed again."""
    path = draw.choice(sorted(path for path in folder.glob("*.json") if path.name != "bundle.json"))
    held = json.loads(path.read_bytes())
    place = _change_value(held, draw)
    path.write_text(json.dumps(held))
    reseal(folder)
    return f"{path.name}: {place}"


def file_bytes(folder: Path, draw: random.Random) -> str:
    """Bytes of another file, sealed again."""
    path = draw.choice(sorted(path for path in folder.iterdir() if path.name != "bundle.json"))
    path.write_bytes(mutated(path.read_bytes(), draw))
    reseal(folder)
    return f"{path.name}'s bytes"


def network_head(folder: Path, draw: random.Random) -> str:
    """Bytes of a network before and after its numbers, where its graph is, sealed again."""
    path = draw.choice(sorted(folder.glob("*.onnx")) or [folder / "golden.json"])
    content = bytearray(path.read_bytes())
    for _ in range(draw.randint(1, 4)):
        near = draw.randrange(min(3000, len(content)))
        content[draw.choice((near, len(content) - 1 - near))] = draw.randrange(256)
    path.write_bytes(content)
    reseal(folder)
    return f"{path.name}'s graph"


def pipeline_member(folder: Path, draw: random.Random) -> str:
    """A member of a pipeline's archive, with a right checksum, sealed again."""
    path = folder / "model.skops"
    if not path.exists():
        return file_bytes(folder, draw)
    with ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(sorted(held))
    if name.endswith(".json") and draw.random() < 0.7:
        schema = json.loads(held[name])
        what = _change_value(schema, draw)
        held[name] = json.dumps(schema).encode()
    else:
        what, held[name] = "bytes", mutated(held[name], draw)
    written = io.BytesIO()
    with ZipFile(written, "w") as archive:
        for each, content in held.items():
            archive.writestr(each, content)
    path.write_bytes(written.getvalue())
    reseal(folder)
    return f"model.skops: {name}: {what}"


TAMPERS: tuple[Tamper, ...] = (record_bytes, record_value, json_value, file_bytes, network_head, pipeline_member)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Bytes that were flipped, cut off, doubled, zeroed or filled with rubbish."""
    if not content:
        return b"\0"
    changed = bytearray(content)
    place = draw.randrange(len(changed))
    kind = draw.randrange(7)
    if kind == 0:
        for _ in range(draw.randint(1, 30)):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    elif kind == 1:
        del changed[place:]
    elif kind == 2:
        changed[place:place] = changed[max(0, place - draw.randint(1, 2000)) : place]
    elif kind == 3:
        length = draw.randint(1, 2000)
        changed[place : place + length] = bytes(length)
    elif kind == 4:
        changed[place : place + 200] = draw.randbytes(200)
    elif kind == 5:
        del changed[place : place + draw.randint(1, 200)]
    else:
        changed = bytearray(
            draw.choice((b"", b"[" * 50_000, b"\xff\xfe", b"{}", b"null", b'{"a":' * 20_000, draw.randbytes(999)))
        )
    return bytes(changed)


def _change_value(held: Any, draw: random.Random) -> str:
    """Replace, remove or double one value of a JSON tree, which holds at least one; gives the place."""
    places: list[tuple[Any, Any, str]] = []
    waiting: list[tuple[Any, str]] = [(held, "$")]
    while waiting:
        item, path = waiting.pop()
        pairs = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        for key, value in pairs:
            places.append((item, key, f"{path}.{key}"))
            waiting.append((value, f"{path}.{key}"))
    # Places near the root as often as the many numbers below.
    depth = draw.randint(1, 6)
    container, key, place = draw.choice([each for each in places if each[2].count(".") <= depth] or places)
    how = draw.randrange(5)
    if how == 0:
        del container[key]
        return f"{place} removed"
    if how == 1 and isinstance(container, list):
        container.append(container[key])
        return f"{place} doubled"
    if how == 2 and isinstance(container, list):
        container.reverse()
        return f"{place} reversed"
    value = draw.choice(VALUES)
    if how == 3 and isinstance(container[key], int | float) and not isinstance(container[key], bool):
        value = container[key] * draw.choice((-1, 0, 2, 1000, 1e9))
    container[key] = value
    return f"{place} = {value!r:.40}"
