"""What is mutated: each kind of file with its seeds, its mutators, its reader and the entrance of its decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from tests.fuzz import seeds, structured
from tests.fuzz.mutators import BYTES, Mutator, flip_bits, flip_late_bits, put_an_extreme_number, zero_a_part


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
    whole = kind.seeds()
    if number < len(whole):
        return whole[number], Random(0)
    rnd = Random(f"{seed} {name} {number}")
    data = rnd.choice(whole)
    for _ in range(rnd.choice((1, 1, 1, 2, 4))):
        how = kind.structured if rnd.random() < 0.5 else rnd.choice(BYTES)
        try:
            data = how(data, rnd) or data
        except Exception:  # a mutant of a mutant may be nothing that keeps the format's rules, or nothing at all
            data = data.ljust(64, b"\0")
            data = rnd.choice(BYTES)(data, rnd)
    return data, rnd


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
    return detector.predict(seeds.phantom()).rows[0]


def read_weights(path: Path) -> object:
    from hilum.weights.read import read

    return read(path)


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
        seeds.pictures(
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
        seeds.pictures("PNG", ("L", {}), ("RGBA", {}), ("P", {"transparency": 3})),
        structured.png,
        read_film,
        _PIL,
    ),
    "PNG, 16 bits": Kind("film.png", seeds.once(seeds.png16), structured.png, read_film, _PIL),
    **{
        f"DICOM, {name}": Kind(
            "film.dcm", seeds.dicom(uid), structured.dicom, read_film, ("hilum.pixels.dicom.pixels:_native", *_FRAME)
        )
        for name, uid in _SYNTAXES.items()
    },
    "TIFF": Kind(
        "film.tif",
        seeds.pictures(
            "TIFF", ("L", {}), ("RGB", {"compression": "tiff_lzw"}), ("L", {"compression": "tiff_adobe_deflate"})
        ),
        structured.tiff,
        read_film,
        ("PIL.TiffImagePlugin:TiffImageFile.load",),
    ),
    "BMP": Kind(
        "film.bmp", seeds.pictures("BMP", ("L", {}), ("RGB", {})), structured.any_of(*BYTES), read_film, _PIL
    ),
    "WebP": Kind(
        "film.webp",
        seeds.pictures("WEBP", ("RGB", {}), ("RGB", {"lossless": True})),
        structured.any_of(flip_bits, flip_late_bits, put_an_extreme_number, zero_a_part),
        read_film,
        ("PIL.WebPImagePlugin:WebPImageFile.load",),
    ),
    "JPEG 2000": Kind(
        "film.jp2",
        seeds.pictures("JPEG2000", ("L", {}), ("RGB", {})),
        structured.any_of(flip_bits, flip_late_bits, put_an_extreme_number, zero_a_part),
        read_film,
        ("PIL.Jpeg2KImagePlugin:Jpeg2KImageFile.load",),
    ),
    "NPZ": Kind(
        "films.npz",
        seeds.once(seeds.npz),
        structured.zipped(structured.npy),
        read_npz,
        ("hilum.pixels.arrays:_fill",),
    ),
    "table of films": Kind(
        "films.csv",
        seeds.once(seeds.tables),
        structured.csv,
        read_table,
        ("hilum.films.image_locator:ImageLocator.find", "hilum.films.image_locator:ImageLocator.exists"),
        seeds.films_beside,
        least=0.12,
    ),
    "predictions": Kind(
        "predictions.csv",
        seeds.part("evaluation", "predictions.csv"),
        structured.csv,
        read_predictions,
        ("hilum.records.predictions:_prediction",),
    ),
    "probabilities": Kind(
        "probs.csv",
        seeds.once(
            lambda: [
                seeds.table(
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
        seeds.once(
            lambda: (
                [path.read_bytes() for path in sorted(seeds.FIXTURES.glob("recipes/*.toml"))[:6]]
                + [(seeds.FIXTURES / "classical.toml").read_bytes()]
            )
        ),
        structured.toml,
        read_recipe,
        ("hilum.recipe.toml_files:TomlFile.read",),
        least=0.15,
    ),
    "metrics.json": Kind(
        "metrics.json",
        seeds.part("evaluation", "metrics.json"),
        structured.tree,
        read_metrics,
        ("msgspec.json:decode",),
        slow=True,
    ),
    "bundle.json": Kind(
        "network/bundle.json",
        seeds.part("network", "bundle.json"),
        structured.tree,
        open_bundle,
        ("hilum.bundle.read:_digest_of",),
        seeds.bundle("network"),
        seeds.resealed,
        least=0.05,
    ),
    "gate.json": Kind(
        "network/gate.json",
        seeds.part("network", "gate.json"),
        structured.tree,
        open_bundle,
        ("hilum.gate:parse_gate",),
        seeds.bundle("network"),
        seeds.resealed,
    ),
    "golden.json": Kind(
        "network/golden.json",
        seeds.part("network", "golden.json"),
        structured.tree,
        open_bundle,
        ("hilum.bundle.read:parse_golden",),
        seeds.bundle("network"),
        seeds.resealed,
    ),
    "model.onnx": Kind(
        "network/model.onnx",
        seeds.part("network", "model.onnx"),
        structured.any_of(flip_bits, flip_late_bits, put_an_extreme_number, zero_a_part),
        open_bundle,
        ("onnxruntime:InferenceSession",),
        seeds.bundle("network"),
        seeds.resealed,
    ),
    "model.skops": Kind(
        "classical/model.skops",
        seeds.part("classical", "model.skops"),
        structured.zipped(structured.skops),
        open_bundle,
        ("hilum.classical.models.pipeline_file:_rename_modules",),
        seeds.bundle("classical"),
        seeds.resealed,
        slow=True,
        least=0.05,
    ),
    "weights.safetensors": Kind(
        "weights.safetensors",
        seeds.part("network", "weights.safetensors"),
        structured.safetensors,
        read_weights,
        ("hilum.weights.read:_read_safetensors",),
        slow=True,
    ),
}
