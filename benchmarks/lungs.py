"""How well lungs are found: Dice on films kept aside, plain and with painted opacities, and the time a film.

The network that ships, or another one, on a folder of films and one of outlines (nothing is trained):

    python -m benchmarks.lungs --films DIR --outlines DIR
    python -m benchmarks.lungs --films DIR --outlines DIR --network runs/lungs/bundle/lungs.onnx

By folds of patients: a network is trained by `recipes/lungs.toml` for each fold, and measured on the fold that it
was not given; this takes as long as that many trainings:

    python -m benchmarks.lungs --data ../shared/data/chest_xray --data ../shared/data/rsna_normal \
        --outlines ../shared/data/lungs --folds 5

Outlines that the recipe knows to be wrong (`outlines.left_out`) are left out; `--set outlines.left_out=[]` measures
on them too. Rows are groups of films: those of each folder that was named, and all. Intervals are 95% bootstraps by
patient.

Targets: a Dice of 0.965 on children's films, 0.98 on adults', 0.92 at the 5th percentile, 0.94 with opacities; 10 ms.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hilum import films
from hilum.batches import OutlineBatches
from hilum.films import Outline
from hilum.lungs.finder import SHIPPED, LungFinder
from hilum.metrics.bootstrap import clusters_of, intervals
from hilum.recipe import Recipe, read_recipe
from hilum.records import Figure
from hilum.workflows.train_lungs import fit_lungs, outline_batches

Floats = NDArray[np.float64]
SEED, TIMED = 7, 100


@dataclass(frozen=True, slots=True)
class Measured:
    """The Dice coefficient of each film, (n,), as it is and with painted opacities."""

    plain: Floats
    painted: Floats


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--films", "--data", dest="films", type=Path, action="append", required=True)
    parser.add_argument("--outlines", type=Path, required=True)
    parser.add_argument("--network", type=Path, default=SHIPPED, help="an ONNX file; the one that ships without")
    parser.add_argument("--folds", type=int, default=0, help="train and measure by so many folds of patients")
    parser.add_argument("--set", dest="settings", action="append", default=[], help="change the recipe")
    arguments = parser.parse_args()
    recipe = read_recipe("lungs", arguments.settings)
    assert recipe.outlines is not None
    outlines = matched(arguments.films, arguments.outlines, recipe.outlines.left_out)
    if arguments.folds:
        measured = by_folds(recipe, outlines, arguments.folds)
    else:
        finder = LungFinder(arguments.network.read_bytes())
        measured = measure(finder, outline_batches(recipe, outlines))
        print(f"{arguments.network}: {milliseconds(finder):.1f} ms a film on one core, without decoding it")
    groups = {str(folder): np.array([is_below(each, folder) for each in outlines]) for folder in arguments.films}
    groups["all"] = np.ones(len(outlines), dtype=bool)
    print("| films | number | Dice | 5th percentile | with opacities | 5th percentile |\n|---|---|---|---|---|---|")
    for name, rows in groups.items():
        if rows.any():
            print(f"| {name} | {rows.sum()} | " + " | ".join(cells(measured, outlines, rows)) + " |")


def matched(folders: Sequence[Path], outlines: Path, left_out: Sequence[str]) -> list[Outline]:
    """The films of some folders that have an outline; what is left out is printed."""
    result = films.match_outlines(films.find_unclassified(folders), outlines, left_out)
    for note in result.notes:
        print(f"note: {note}")
    return list(result.outlines)


def measure(finder: LungFinder, batches: OutlineBatches) -> Measured:
    """Measure a network on films with outlines."""
    plain = [dice(finder, batch.inputs.numpy(), batch.outlines) for batch in batches.unaugmented(16)]
    painted = [dice(finder, batch.inputs.numpy(), batch.outlines) for batch in batches.painted(SEED, 16)]
    return Measured(np.concatenate(plain), np.concatenate(painted))


def dice(finder: LungFinder, images: NDArray[np.float32], outlines: object) -> Floats:
    """The Dice coefficient of each film of a batch, (n,)."""
    found, truth = finder.probabilities(images)[0] > 0.5, np.asarray(outlines) > 0.5
    shared = (found & truth).sum(axis=(1, 2, 3))
    return np.asarray(2 * shared / (found.sum(axis=(1, 2, 3)) + truth.sum(axis=(1, 2, 3))), dtype=np.float64)


def by_folds(recipe: Recipe, outlines: Sequence[Outline], folds: int) -> Measured:
    """Train a network for each fold of patients and measure it on that fold."""
    import torch

    from hilum.bundle.onnx_export import export_onnx, round_weights
    from hilum.models import LungProbabilities

    assert recipe.outlines is not None
    recipe = replace(recipe, outlines=replace(recipe.outlines, folds=folds))
    place = {each.film.path: number for number, each in enumerate(outlines)}
    plain, painted = np.full(len(outlines), np.nan), np.full(len(outlines), np.nan)
    for fold in range(folds):
        split = films.split_outlined(outlines, folds, recipe.seed, fold)
        with tempfile.TemporaryDirectory() as folder:
            network = fit_lungs(recipe, split, Path(folder) / "run").network
            round_weights(network)
            held = [each for each in split if each.film.split == "val"]
            batches, path = outline_batches(recipe, held), Path(folder) / "lungs.onnx"
            with torch.no_grad():
                export_onnx(
                    LungProbabilities(network).eval(), batches.films[:4], path, half=True, outputs=("lungs", "view")
                )
            measured = measure(LungFinder(path.read_bytes()), batches)
        rows = [place[each.film.path] for each in held]
        plain[rows], painted[rows] = measured.plain, measured.painted
        print(f"fold {fold + 1} of {folds}: {len(held)} films, Dice {measured.plain.mean():.4f}", flush=True)
    return Measured(plain, painted)


def cells(measured: Measured, outlines: Sequence[Outline], rows: NDArray[np.bool_]) -> list[str]:
    """Mean and 5th percentile, each with its interval by patient, plain and painted."""
    patients = [each.film.patient for each, wanted in zip(outlines, rows, strict=True) if wanted]
    clusters = clusters_of(np.zeros(len(patients), dtype=np.int64), patients)
    written = []
    for values in (measured.plain[rows], measured.painted[rows]):
        order = np.argsort(values)

        def statistics(
            weights: Floats, values: Floats = values, order: NDArray[np.intp] = order
        ) -> dict[str, Floats]:
            total = weights.sum(axis=-1)
            reached = np.cumsum(weights[..., order], axis=-1) >= 0.05 * total[..., None]
            return {"mean": weights @ values / total, "low": values[order][reached.argmax(axis=-1)]}

        figures = intervals(statistics, clusters)
        written += [in_words(figures["mean"]), in_words(figures["low"])]
    return written


def in_words(figure: Figure) -> str:
    """A figure with its interval."""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"


def milliseconds(finder: LungFinder) -> float:
    """The median time of a film of 224 × 224 pixels."""
    film = np.random.default_rng(0).random((224, 224), dtype=np.float32)
    times = []
    for _ in range(TIMED):
        started = time.perf_counter()
        finder.find(film)
        times.append(1000 * (time.perf_counter() - started))
    return float(np.median(times))


def is_below(outline: Outline, folder: Path) -> bool:
    """Whether a film lies below a folder."""
    return Path(outline.film.path).resolve().is_relative_to(folder.resolve())


if __name__ == "__main__":
    main()
