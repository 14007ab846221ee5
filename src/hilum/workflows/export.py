"""A bundle that also holds its network for another runtime, or in 8-bit integers."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hilum.errors import HilumError, RequestError
from hilum.extras import missing_packages
from hilum.files import named_in_errors
from hilum.locks import one_writer
from hilum.records import Manifest

if TYPE_CHECKING:
    from hilum.bundle import Bundle
    from hilum.bundle.int8 import Int8

logger = logging.getLogger("hilum")


@one_writer("out")
def export(
    bundle: str | Path,
    to: Literal["onnx", "openvino"],
    out: str | Path,
    *,
    precision: Literal["float32", "int8"] = "float32",
    films: Manifest | str | Path | Sequence[str | Path] | None = None,
) -> tuple[Path, ...]:
    """Write a bundle that also holds its network for another runtime, or in 8-bit integers.

    ONNX: `model.onnx` (every bundle holds it) or `int8.onnx`; OpenVINO: `model.xml` or `int8.xml`, with a `.bin`
    each. All take films, (n, 1, size, size) float32 from 0 to 1, and give logits. `model.onnx` also gives class
    activation maps (n, outputs, rows, columns) where the network ends in the mean of its maps and one dense layer: in
    float32 and to ONNX, a bundle of an earlier Hilum gets that output, and its logits stay what they were bit by bit.

    Args:
        bundle: its folder, or `shipped`.
        to: the form of the network.
        out: gets the new bundle, in `out/bundle`.
        precision: int8 is made of train films and enters the bundle only where it keeps AUROC within 0.001, and
            sensitivity and specificity within 0.01, on val films.
        films: for int8, a manifest or what `index` takes, with the films that the network was trained on.

    Returns:
        The files of the network in the new bundle, which lies in their folder.

    Raises:
        RequestError: `out` holds a bundle already, int8 changes a figure by more than it may, int8 without films or
            films without int8, or OpenVINO is not installed.
        LayoutError: train or val films of some class are missing.
    """
    from hilum import bundle as bundles
    from hilum.bundle.consistency import ONNX_NAME
    from hilum.bundle.int8 import add_forms, in_words
    from hilum.bundle.read import INT8_NAME
    from hilum.inference.openvino import write_openvino

    folder = Path(out) / "bundle"
    if folder.exists():
        raise RequestError(f"{out}: holds a bundle already; name another --out")
    opened = bundles.read(bundle)
    if (precision == "int8") != (films is not None):
        raise RequestError("--precision int8 and --data DIR go together: int8 is made and measured on films")
    with tempfile.TemporaryDirectory(prefix="hilum-") as temporary, named_in_errors(Path(temporary)):
        record: Int8 | None = None
        network, name = opened.onnx, Path(ONNX_NAME)
        files: list[Path] = []
        if to == "onnx" and films is None and (mapped := _with_class_maps(opened)) != network:
            network = mapped
            files.append(Path(temporary) / name)
            files[0].write_bytes(network)
        if films is not None:
            from hilum.workflows.quantize import quantize

            name = Path(INT8_NAME)
            record = quantize(opened, films, Path(temporary) / name)
            files.append(Path(temporary) / name)
            network = files[0].read_bytes()
            logger.info(f"{record.judged_on}: {in_words(record)}")
        if to == "openvino":
            files += write_openvino(network, Path(temporary) / name.with_suffix(".xml"))
        written = add_forms(opened, folder, files, record)
    return tuple(folder / file.name for file in files or [written.folder / ONNX_NAME])


def _with_class_maps(opened: Bundle) -> bytes:
    """The bundle's network, with the output of class activation maps where it can have one.

    Raises:
        HilumError: the logits are no longer what they were.
    """
    import numpy as np

    from hilum.bundle import lung_finder
    from hilum.bundle.golden import golden_films
    from hilum.inference.engines import OnnxRuntime

    network = opened.onnx
    if OnnxRuntime(network, "float32").gives_maps:
        return network
    if missing_packages("train"):
        logger.info(
            'note: the network is copied as it is; adding class activation maps needs pip install "hilum[train]"'
        )
        return network
    from hilum.bundle.class_maps import with_class_maps

    mapped = with_class_maps(network)
    shown = golden_films(opened.spec.recipe.pixels, lung_finder(opened))
    before, after = (OnnxRuntime(each, "float32").logits(shown) for each in (network, mapped))
    if not np.array_equal(before, after):
        raise HilumError(
            f"{opened.folder}: with class activation maps the network gives other logits; nothing was written"
        )
    return mapped
