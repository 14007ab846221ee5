"""`hilum export`: the same bundle, which also holds its network in another form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hilum.cli.options import BundleFolder
from hilum.cli.terminal import app, tell


@app.command()
def export(
    bundle: BundleFolder,
    to: Annotated[Literal["onnx", "openvino"], typer.Option("--to", help="The form of the network.")],
    out: Annotated[Path, typer.Option("--out", help="Gets the new bundle, in OUT/bundle.")],
    precision: Annotated[
        Literal["float32", "int8"],
        typer.Option("--precision", help="int8 is made of train films and measured on val films."),
    ] = "float32",
    data: Annotated[Path | None, typer.Option("--data", help="For int8: the films that it was trained on.")] = None,
) -> None:
    """Write a bundle that also holds its network for another runtime, or in 8-bit integers.

    ONNX: model.onnx (every bundle holds it) or int8.onnx; OpenVINO: model.xml or int8.xml, with a .bin each. All take
    films, (n, 1, size, size) float32 from 0 to 1, and give logits; model.onnx also class activation maps where the
    network can, which a bundle of an earlier Hilum gets by --to onnx. int8 enters the bundle only where it keeps
    AUROC within 0.001, and sensitivity and specificity within 0.01, on the val films of --data.
    """
    from hilum.workflows.export import export as library_export

    files = library_export(bundle, to, out, precision=precision, films=data)
    for file in files:
        tell(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    use = " --precision int8" if precision == "int8" else ""
    folder = files[0].parent
    tell(f"{folder}: done. Next: hilum predict {folder} FILES --engine {'auto' if use else to}{use}")
