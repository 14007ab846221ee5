"""Whole files of each kind, from which mutants are made, and what has to lie beside them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

FIXTURES = Path(__file__).parents[1] / "fixtures" / "hilum-0.1.0"


def once(make: Callable[[], Sequence[bytes]]) -> Callable[[], Sequence[bytes]]:
    kept: list[Sequence[bytes]] = []

    def seeds() -> Sequence[bytes]:
        if not kept:
            kept.append(make())
        return kept[0]

    return seeds


def phantom(bits: int = 8, seed: int = 1) -> Any:
    from tests.pixels.dicoms import stored_phantom

    return stored_phantom(bits, seed, (56, 48))


def saved(form: str, mode: str = "L", **options: Any) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(phantom()).convert(mode).save(file, form, **options)
    return file.getvalue()


def pictures(form: str, *variants: tuple[str, dict[str, Any]]) -> Callable[[], Sequence[bytes]]:
    return once(lambda: [saved(form, mode, **options) for mode, options in variants])


def png16() -> Sequence[bytes]:
    import cv2

    grey = phantom(16)
    whole = (grey, np.dstack([grey, grey.T.reshape(grey.shape), grey]), np.dstack([grey] * 4))
    return [cv2.imencode(".png", array)[1].tobytes() for array in whole]


def dicom(syntax: str) -> Callable[[], Sequence[bytes]]:
    def make() -> Sequence[bytes]:
        import tempfile

        from pydicom.uid import JPEGBaseline8Bit, JPEGLosslessSV1

        from tests.pixels import dicoms

        deep = phantom(12)
        windowed: dict[str, Any] = {
            "WindowCenter": 2048,
            "WindowWidth": 3000,
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
        }
        if syntax == JPEGBaseline8Bit:
            whole = [dicoms.as_jpeg_baseline(dicoms.dataset(phantom()), phantom())]
        elif syntax == JPEGLosslessSV1:
            with tempfile.TemporaryDirectory() as folder:
                plain, packed = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
                dicoms.write(plain, dicoms.dataset(deep, bits=12))
                dicoms.as_jpeg_lossless(plain, packed)
                return [packed.read_bytes()]
        elif syntax.startswith(("1.2.840.10008.1.2.4", "1.2.840.10008.1.2.5")):
            whole = [dicoms.dataset(deep, bits=12), dicoms.dataset(deep, bits=12, **windowed)]
            for ds in whole:
                ds.compress(syntax, generate_instance_uid=False)
        else:
            table = dicoms.lookup_table(np.arange(4096) * 16, 0, 16)
            whole = [dicoms.dataset(deep, syntax, 12), dicoms.dataset(deep, syntax, 12, **windowed),
                     dicoms.dataset(deep, syntax, 12, VOILUTSequence=[table], PixelPaddingValue=0)]  # fmt: skip
        written = []
        for ds in whole:
            file = BytesIO()
            ds.save_as(file, enforce_file_format=True)
            written.append(file.getvalue())
        return written

    return once(make)


def npz() -> Sequence[bytes]:
    files = []
    for save in (np.savez, np.savez_compressed):
        file = BytesIO()
        films = np.stack([phantom(8, seed)[14:42, 10:38] for seed in range(6)])
        labels = np.array([[0], [1], [0]])
        arrays = {
            "train_images": films[:3],
            "train_labels": labels,
            "test_images": films[3:],
            "test_labels": labels[:, 0],
        }
        save(file, **arrays)  # type: ignore[arg-type]
        files.append(file.getvalue())
    return files


def films_beside(folder: Path) -> None:
    from PIL import Image

    for seed, name in enumerate("abcd"):
        Image.fromarray(phantom(8, seed)).save(folder / f"{name}.png")


def table(header: str, *rows: str) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def tables() -> Sequence[bytes]:
    manifest = (FIXTURES / "killed" / "manifest.csv").read_text("utf-8").splitlines()
    rows = [name + ".png" + manifest[1][manifest[1].index(",") :] for name in "abcd"]
    return [
        table(manifest[0], *rows),
        table(
            "path,label,patient,split",
            "a.png,NORMAL,1,train",
            "b.png,PNEUMONIA,2,train",
            "c.png,NORMAL,3,val",
            "d.png,PNEUMONIA,4,test",
        ),
        table(
            "Image Index,Finding Labels,Patient ID",
            "a.png,No Finding,1",
            "b.png,Pneumonia|Mass,2",
            "c.png,No Finding,3",
            "d.png,Mass,4",
        ),
        table(
            "file;class;age;sex", "a.png;NORMAL;3;F", "b.png;PNEUMONIA;70;M", "c.png;NORMAL;8;M", "d.png;NORMAL;9;F"
        ),
    ]


def part(folder: str, name: str) -> Callable[[], Sequence[bytes]]:
    return once(lambda: [(FIXTURES / folder / name).read_bytes()])


def bundle(folder: str) -> Callable[[Path], None]:
    def prepare(target: Path) -> None:
        shutil.copytree(FIXTURES / folder, target, dirs_exist_ok=True)

    return prepare


def resealed(path: Path, data: bytes, rnd: Random) -> None:
    """Four of five mutants are sealed again, as anyone can who changes a bundle: others show the seal alone."""
    record_path = path.with_name("bundle.json")
    record = json.loads(data if path == record_path else (FIXTURES / path.parent.name / "bundle.json").read_bytes())
    if rnd.random() < 0.2 or not isinstance(record, dict):
        return
    from hilum.bundle.read import seal_of

    if path != record_path:
        record["files"][path.name] = hashlib.sha256(data).hexdigest()
    record["seal"] = seal_of(record)
    record_path.write_text(json.dumps(record), "utf-8", errors="surrogatepass")
