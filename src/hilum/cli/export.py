"""`hilum export`: the same bundle, which also holds its network in another form."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from hilum.cli import app, tell
from hilum.cli.options import BundleFolder
from hilum.errors import RequestError


@app.command()
def export(
    bundle: BundleFolder,
    to: Annotated[Literal["onnx", "openvino"], typer.Option("--to", help="The form of the network.")],
    out: Annotated[Path, typer.Option("--out", help="Gets the new bundle, in OUT/bundle.")],
    precision: Annotated[
        Literal["float32", "int8"],
        typer.Option("--precision", help="int8 is made of train films, judged on val films."),
    ] = "float32",
    data: Annotated[Path | None, typer.Option("--data", help="For int8: the films that it learnt from.")] = None,
) -> None:
    """Write a bundle that also holds its network for another runtime, or in 8-bit integers.

    ONNX: model.onnx (every bundle holds it) or int8.onnx; OpenVINO: model.xml or int8.xml, with a .bin each. All take
    films, (n, 1, size, size) float32 from 0 to 1, and give logits. int8 enters the bundle only where it keeps AUROC
    within 0.001, and sensitivity and specificity within 0.01, on the val films of --data.
    """
    from hilum import bundle as bundles
    from hilum.bundle.int8 import add_forms, in_words
    from hilum.workflows.quantize import quantize

    folder = out / "bundle"
    if folder.exists():
        raise RequestError(f"{out}: holds a bundle already; name another --out")
    opened = bundles.read(bundle)
    if (precision == "int8") != (data is not None):
        raise RequestError("--precision int8 and --data DIR go together: int8 is made and judged on films")
    with tempfile.TemporaryDirectory() as temporary:
        place, record = Path(temporary), None
        network = opened.onnx
        files: list[Path] = []
        if data is not None:
            network = place / "int8.onnx"
            record = quantize(opened, data, network)
            files.append(network)
            tell(f"{record.judged_on}: {in_words(record)}")
        if to == "openvino":
            from hilum.inference.engines import write_openvino

            files += write_openvino(network, place / network.with_suffix(".xml").name)
        written = add_forms(opened, folder, files, record)
    for file in files or [written.onnx]:
        tell(f"{folder / file.name}: {(folder / file.name).stat().st_size / 1e6:.1f} MB")
    use = " --precision int8" if precision == "int8" else ""
    tell(f"{folder}: done. Next: hilum predict {folder} FILES --engine {'auto' if use else to}{use}")
