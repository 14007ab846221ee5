"""`hilum export`: the same bundle, which also holds its network in another form."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hilum.cli import app, tell
from hilum.cli.options import BundleFolder, folder_of
from hilum.errors import LayoutError, RequestError
from hilum.records import Manifest

if TYPE_CHECKING:
    import numpy as np

    from hilum.bundle import Bundle
    from hilum.bundle.int8 import Int8

_CALIBRATED_ON = 200  # train films, evenly over all: more move no range that matters


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

    folder = out / "bundle"
    if folder.exists():
        raise RequestError(f"{out}: holds a bundle already; name another --out")
    opened = bundles.read(folder_of(bundle))
    if (precision == "int8") != (data is not None):
        raise RequestError("--precision int8 and --data DIR go together: int8 is made and judged on films")
    with tempfile.TemporaryDirectory() as temporary:
        place, record = Path(temporary), None
        network = opened.onnx
        files: list[Path] = []
        if data is not None:
            network = place / "int8.onnx"
            record = _make_int8(opened, data, network)
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


def _make_int8(opened: Bundle, data: Path, path: Path) -> Int8:
    """Write the int8 network, and give what was measured of it.

    Raises:
        LayoutError: train or val films of some class are missing.
        RequestError: it changes a figure by more than it may.
    """
    import numpy as np

    from hilum import films, pixels
    from hilum.bundle.int8 import compare, golden_probs, refuse_changed
    from hilum.bundle.quantise import quantise
    from hilum.evaluation.truth import require_known_labels

    spec, classes = opened.spec, opened.spec.classes
    learnt = films.index(data).where(lambda film: film.split in ("train", "val") and bool(film.label))
    learnt = learnt.labelled_by(spec.recipe.labels)
    train, val = learnt.split("train"), learnt.split("val")
    require_known_labels(val, classes)
    if missing := [name for name in classes if name not in val.labels]:
        raise LayoutError(
            f"{data}: no val film is labelled {', '.join(missing)}; int8 is judged on some of each class"
        )
    places = np.unique(np.linspace(0, len(train) - 1, _CALIBRATED_ON).astype(int))
    train = Manifest(tuple(train.films[place] for place in places))
    cache = pixels.cache(Manifest(train.films + val.films), spec.recipe.pixels)
    tell(f"int8: its ranges are read from {len(train)} train films; it is judged on {len(val)} val films")
    quantise(opened.onnx, cache.films[cache.rows(train)], path)
    squares = cache.films[cache.rows(val)]
    exact, int8 = (_probs_of(opened, each) for each in (opened.onnx, path))
    record = compare(
        exact(squares),
        int8(squares),
        films.labels_of(val, classes),
        spec.operating_point,
        (f"{len(train)} train films", f"{len(val)} validation films"),
        golden_probs(spec.recipe.pixels, int8),
    )
    refuse_changed(record)
    return record


def _probs_of(opened: Bundle, network: Path) -> Callable[[np.ndarray], np.ndarray]:
    """What a network of a bundle says of preprocessed films, corrected as the bundle says."""
    import numpy as np

    from hilum import confidence
    from hilum.bundle import probabilities
    from hilum.inference.engines import OnnxRuntime
    from hilum.inference.pipeline import in_parallel
    from hilum.pixels.cache import processors

    engine = OnnxRuntime(network, "float32")

    def probs(squares: np.ndarray) -> np.ndarray:
        parts = in_parallel(squares, lambda part: list(engine.logits(np.stack(part))), processors())
        return confidence.calibrated(opened.spec.calibration, probabilities(np.stack(list(parts))))

    return probs
