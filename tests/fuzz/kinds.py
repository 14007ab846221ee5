"""What is mutated: each kind of file with its seeds, its mutators, its reader and the entrance of its decoder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from tests.fuzz import structured
from tests.fuzz.mutators import BYTES, Mutator, flip_bits, flip_late_bits, put_an_extreme_number, zero_a_part

FIXTURES = Path(__file__).parents[1] / "fixtures" / "hilum-0.1.0"


class Kind(NamedTuple):
    """One kind of file.

    Attributes:
        file: the name that a mutant gets.
        seeds: gives whole files of this kind.
        structured: mutators that keep the format's own rules; half of the mutants are theirs.
        read: reads a file, as a user's command would.
        decoders: `module:function` where reading is past the header; the harness counts who comes there.
        prepare: puts what a reader needs beside the file into the folder.
        finish: what else is done to a mutant before it is written.
        slow: whether its libraries take seconds to import.
        least: the share of mutants that must get to the decoder.
    """

    file: str
    seeds: Callable[[], Sequence[bytes]]
    structured: Mutator
    read: Callable[[Path], object]
    decoders: tuple[str, ...]
    prepare: Callable[[Path], None] = lambda folder: None
    finish: Callable[[Path, bytes, Random], None] = lambda path, data, rnd: None
    slow: bool = False
    least: float = 0.25


def mutant(kind: Kind, name: str, seed: int, number: int) -> tuple[bytes, Random]:
    """The same mutant for the same numbers, wherever it is made; the first ones are the seeds themselves."""
    seeds = kind.seeds()
    if number < len(seeds):
        return seeds[number], Random(0)
    rnd = Random(f"{seed} {name} {number}")
    data = rnd.choice(seeds)
    for _ in range(rnd.choice((1, 1, 1, 2, 4))):
        how = kind.structured if rnd.random() < 0.5 else rnd.choice(BYTES)
        try:
            data = how(data, rnd) or data
        except Exception:  # a mutant of a mutant may be nothing that keeps the format's rules, or nothing at all
            data = data.ljust(64, b"\0")
            data = rnd.choice(BYTES)(data, rnd)
    return data, rnd


def _once(make: Callable[[], Sequence[bytes]]) -> Callable[[], Sequence[bytes]]:
    kept: list[Sequence[bytes]] = []

    def seeds() -> Sequence[bytes]:
        if not kept:
            kept.append(make())
        return kept[0]

    return seeds


def _phantom(bits: int = 8, seed: int = 1) -> Any:
    from tests.pixels.dicoms import stored_phantom

    return stored_phantom(bits, seed, (56, 48))


def _saved(form: str, mode: str = "L", **options: Any) -> bytes:
    from PIL import Image

    file = BytesIO()
    Image.fromarray(_phantom()).convert(mode).save(file, form, **options)
    return file.getvalue()


def _pictures(form: str, *variants: tuple[str, dict[str, Any]]) -> Callable[[], Sequence[bytes]]:
    return _once(lambda: [_saved(form, mode, **options) for mode, options in variants])


def _png16() -> Sequence[bytes]:
    import cv2

    grey = _phantom(16)
    whole = (grey, np.dstack([grey, grey.T.reshape(grey.shape), grey]), np.dstack([grey] * 4))
    return [cv2.imencode(".png", array)[1].tobytes() for array in whole]


def _dicom(syntax: str) -> Callable[[], Sequence[bytes]]:
    def make() -> Sequence[bytes]:
        import tempfile

        from pydicom.uid import JPEGBaseline8Bit, JPEGLosslessSV1

        from tests.pixels import dicoms

        deep = _phantom(12)
        windowed: dict[str, Any] = {
            "WindowCenter": 2048,
            "WindowWidth": 3000,
            "RescaleSlope": 1,
            "RescaleIntercept": 0,
        }
        if syntax == JPEGBaseline8Bit:
            whole = [dicoms.as_jpeg_baseline(dicoms.dataset(_phantom()), _phantom())]
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

    return _once(make)


def _npz() -> Sequence[bytes]:
    files = []
    for save in (np.savez, np.savez_compressed):
        file = BytesIO()
        films = np.stack([_phantom(8, seed)[14:42, 10:38] for seed in range(6)])
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


def read_film(path: Path) -> object:
    """A film as a square of a model's size, and its grey values within their range."""
    from hilum.pixels import decode

    grey = decode(str(path))
    assert grey.dtype == np.float32
    assert grey.ndim == 2
    assert 0 <= grey.min() < grey.max() <= 1
    return grey


def read_npz(path: Path) -> object:
    from hilum import films

    manifest = films.index(path, cut=False)
    return [read_film(Path(film.path)) for film in manifest.films[:2]]


def read_table(path: Path) -> object:
    from hilum import films

    return films.index(path, cut=False)


def read_predictions(path: Path) -> object:
    from hilum.records import read_predictions

    return read_predictions(path, ("NORMAL", "PNEUMONIA"), 0.5)


def read_probabilities(path: Path) -> object:
    from hilum.workflows.probability_table import read_probability_table

    return read_probability_table(path)


def read_recipe(path: Path) -> object:
    from hilum.recipe import read_recipe, write_recipe

    return write_recipe(read_recipe(path))


def read_metrics(path: Path) -> object:
    from hilum.evaluation import read_metrics

    return read_metrics(path)


def open_bundle(path: Path) -> object:
    from hilum.inference import Detector

    detector = Detector(path.parent, threads=1)
    return detector.predict(_phantom()).rows[0]


def read_weights(path: Path) -> object:
    from hilum.weights.read import read

    return read(path)


def _films_beside(folder: Path) -> None:
    from PIL import Image

    for seed, name in enumerate("abcd"):
        Image.fromarray(_phantom(8, seed)).save(folder / f"{name}.png")


def _table(header: str, *rows: str) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def _tables() -> Sequence[bytes]:
    manifest = (FIXTURES / "killed" / "manifest.csv").read_text("utf-8").splitlines()
    rows = [name + ".png" + manifest[1][manifest[1].index(",") :] for name in "abcd"]
    return [
        _table(manifest[0], *rows),
        _table(
            "path,label,patient,split",
            "a.png,NORMAL,1,train",
            "b.png,PNEUMONIA,2,train",
            "c.png,NORMAL,3,val",
            "d.png,PNEUMONIA,4,test",
        ),
        _table(
            "Image Index,Finding Labels,Patient ID",
            "a.png,No Finding,1",
            "b.png,Pneumonia|Mass,2",
            "c.png,No Finding,3",
            "d.png,Mass,4",
        ),
        _table(
            "file;class;age;sex", "a.png;NORMAL;3;F", "b.png;PNEUMONIA;70;M", "c.png;NORMAL;8;M", "d.png;NORMAL;9;F"
        ),
    ]


def _part(folder: str, name: str) -> Callable[[], Sequence[bytes]]:
    return _once(lambda: [(FIXTURES / folder / name).read_bytes()])


def _bundle(folder: str) -> Callable[[Path], None]:
    def prepare(target: Path) -> None:
        shutil.copytree(FIXTURES / folder, target, dirs_exist_ok=True)

    return prepare


def _resealed(path: Path, data: bytes, rnd: Random) -> None:
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


_PIL = ("PIL.ImageFile:ImageFile.load",)
_FRAME = ("hilum.pixels.dicom.pixels:decode_frame",)
_SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1", "implicit": "1.2.840.10008.1.2", "big-endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99", "RLE": "1.2.840.10008.1.2.5", "JPEG": "1.2.840.10008.1.2.4.50",
    "lossless JPEG": "1.2.840.10008.1.2.4.70", "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
}  # fmt: skip

KINDS: dict[str, Kind] = {
    "JPEG": Kind(
        "film.jpg",
        _pictures(
            "JPEG",
            ("L", {}),
            ("RGB", {"progressive": True}),
            ("L", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"}),
        ),
        structured.jpeg,
        read_film,
        _PIL,
    ),
    "PNG, 8 bits": Kind(
        "film.png",
        _pictures("PNG", ("L", {}), ("RGBA", {}), ("P", {"transparency": 3})),
        structured.png,
        read_film,
        _PIL,
    ),
    "PNG, 16 bits": Kind("film.png", _once(_png16), structured.png, read_film, _PIL),
    **{
        f"DICOM, {name}": Kind(
            "film.dcm", _dicom(uid), structured.dicom, read_film, ("hilum.pixels.dicom.pixels:_native", *_FRAME)
        )
        for name, uid in _SYNTAXES.items()
    },
    "NPZ": Kind(
        "films.npz", _once(_npz), structured.zipped(structured.npy), read_npz, ("hilum.pixels.arrays:_fill",)
    ),
    "table of films": Kind(
        "films.csv",
        _once(_tables),
        structured.csv,
        read_table,
        ("hilum.films.image_locator:ImageLocator.find", "hilum.films.image_locator:ImageLocator.exists"),
        _films_beside,
    ),
    "predictions": Kind(
        "predictions.csv",
        _part("evaluation", "predictions.csv"),
        structured.csv,
        read_predictions,
        ("hilum.records.predictions:_prediction",),
    ),
    "probabilities": Kind(
        "probs.csv",
        _once(
            lambda: [
                _table(
                    "path,label,prob_NORMAL,prob_PNEUMONIA",
                    "a.png,NORMAL,0.9,0.1",
                    "b.png,PNEUMONIA,0.25,0.75",
                    "c.png,NORMAL,1,0",
                )
            ]
        ),
        structured.csv,
        read_probabilities,
        ("hilum.workflows.probability_table:_probs",),
    ),
    "recipe": Kind(
        "recipe.toml",
        _once(
            lambda: (
                [path.read_bytes() for path in sorted(FIXTURES.glob("recipes/*.toml"))[:6]]
                + [(FIXTURES / "classical.toml").read_bytes()]
            )
        ),
        structured.toml,
        read_recipe,
        ("hilum.recipe.recipe:parse_recipe",),
        least=0.15,
    ),
    "metrics.json": Kind(
        "metrics.json",
        _part("evaluation", "metrics.json"),
        structured.tree,
        read_metrics,
        ("msgspec.json:decode",),
        slow=True,
    ),
    "bundle.json": Kind(
        "network/bundle.json",
        _part("network", "bundle.json"),
        structured.tree,
        open_bundle,
        ("hilum.bundle.read:_digest_of",),
        _bundle("network"),
        _resealed,
        least=0.1,
    ),
    "gate.json": Kind(
        "network/gate.json",
        _part("network", "gate.json"),
        structured.tree,
        open_bundle,
        ("hilum.gate:parse_gate",),
        _bundle("network"),
        _resealed,
    ),
    "golden.json": Kind(
        "network/golden.json",
        _part("network", "golden.json"),
        structured.tree,
        open_bundle,
        ("hilum.bundle.read:parse_golden",),
        _bundle("network"),
        _resealed,
    ),
    "model.onnx": Kind(
        "network/model.onnx",
        _part("network", "model.onnx"),
        structured.any_of(flip_bits, flip_late_bits, put_an_extreme_number, zero_a_part),
        open_bundle,
        ("onnxruntime:InferenceSession",),
        _bundle("network"),
        _resealed,
    ),
    "model.skops": Kind(
        "classical/model.skops",
        _part("classical", "model.skops"),
        structured.zipped(structured.skops),
        open_bundle,
        ("hilum.classical.models.pipeline_file:_rename_modules",),
        _bundle("classical"),
        _resealed,
        slow=True,
        least=0.1,
    ),
    "weights.safetensors": Kind(
        "weights.safetensors",
        _part("network", "weights.safetensors"),
        structured.safetensors,
        read_weights,
        ("hilum.weights.read:_read_safetensors",),
        slow=True,
    ),
}
