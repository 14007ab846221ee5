"""What each part of the learning scheme buys: on clean validation, and on films as other machines would make them.

S1 learns at 64 px by one plain recipe, and again with each part added to it alone. Every variant is judged on the
same validation films: as they are, under `shifts-1` and under `familiar-1`; a shift of a kind that some
variant draws in training (sharpening, gamma, …) is left out of the mean for all of them, so that what remains is new
to every variant; balanced accuracy is at each bundle's threshold. The last column is of the kinds that were left
out. What a part buys is the difference to the plain recipe, means over the seeds, with a 95% interval
from a bootstrap that draws the same patients for both, and the seeds of each: two seeds of one recipe differ by more
than most parts buy.

    python -m benchmarks.parts --data ../shared/data/chest_xray --out runs/parts

Variants that are there already are not trained again.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum import films
from hilum.inference import Detector
from hilum.metrics import auroc, clusters_of, confusion
from hilum.metrics.bootstrap import resampled_weights
from hilum.recipe import read_recipe
from hilum.records import Manifest
from hilum.shifts import ACQUISITION, FAMILIAR, probs_under_shifts
from hilum.workflows.train_network import train_network

PLAIN = "plain"
VARIANTS = Path(__file__).with_suffix(".toml")
SHIFTS = {**ACQUISITION.shifts, **FAMILIAR.shifts}
# Kinds of shift that some variant draws in training.
DRAWN = {
    "unsharp_masked", "brightened", "darkened", "flattened", "hardened", "blurred", "noisy", "rotated", "zoomed_out",
    "zoomed_in", "compressed", "equalised",
}  # fmt: skip
KINDS = ("validation AUROC", "shifted AUROC", "shifted balanced accuracy", "drawn kinds' AUROC")
RESAMPLES = 2000
Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """What a trained variant says of the validation films.

    Attributes:
        probs: (1 + shifts, films) of pneumonia: of the films as they are, then under each shift.
        threshold: where it decides.
    """

    probs: Floats
    threshold: float


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    parser.add_argument("--out", type=Path, default=Path("runs/parts"))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    manifest = films.index(arguments.data)
    val = manifest.split("val")
    said: dict[str, list[Judged]] = {}
    for seed in range(1, arguments.seeds + 1):  # every variant once, before any is trained again
        for name, settings in variants().items():
            said.setdefault(name, []).append(judge(name, settings, seed, manifest, arguments.out))
        print(table(said, val), flush=True)


def variants() -> dict[str, list[str]]:
    """The settings of each variant, with what stands for another one's put in."""
    table: dict[str, list[str]] = tomllib.loads(VARIANTS.read_text())["variants"]

    def settings_of(name: str) -> Iterator[str]:
        for setting in table[name]:
            other = setting.strip("[]")
            if setting == f"[{other}]":
                yield from settings_of(other)
            else:
                yield setting

    return {name: list(settings_of(name)) for name in table}


def judge(name: str, settings: list[str], seed: int, manifest: Manifest, out: Path) -> Judged:
    """Train a variant from a seed, and judge it under every shift."""
    folder = out / f"seed-{seed}" / "".join(letter if letter.isalnum() else "-" for letter in name)
    if not (folder / "bundle").exists():
        recipe = read_recipe(PLAIN, (*settings, f"name={json.dumps(name)}", f"seed={seed}"))
        train_network(recipe, manifest, folder, resume=(folder / "recipe.toml").exists())
    detector, stored = Detector(folder / "bundle"), folder / "probs.npy"
    if not stored.exists():
        _, probs = probs_under_shifts(
            detector.probs, list(manifest.split("val")), detector.spec.recipe.pixels, detector.lungs, SHIFTS
        )
        np.save(stored, probs[:, :, 1])
    threshold = detector.spec.operating_point.threshold
    assert threshold is not None
    return Judged(np.load(stored), threshold)


def table(said: dict[str, list[Judged]], val: Manifest) -> str:
    """Each variant's figures, means over its seeds, and its difference to the first variant, as Markdown."""
    labels = np.array([film.label == "PNEUMONIA" for film in val])
    names = ["unshifted", *SHIFTS]
    new = [number for number, name in enumerate(names) if number and name not in DRAWN]
    drawn = [number for number, name in enumerate(names) if name in DRAWN]
    clusters = clusters_of(labels, [film.patient for film in val])

    def of_one(one: Judged, weights: Floats) -> Floats:
        decided = [confusion(labels, one.probs[each], one.threshold, weights) for each in new]
        halves = [(tp / (tp + fn) + tn / (tn + fp)) / 2 for tn, fp, fn, tp in decided]
        shifted, familiar = ([auroc(labels, one.probs[each], weights) for each in kind] for kind in (new, drawn))
        means = [np.mean(each, axis=0) for each in (shifted, halves, familiar)]
        return np.stack([auroc(labels, one.probs[0], weights), *means])

    drawn_weights = list(resampled_weights(clusters, RESAMPLES, 0))
    draw = np.random.default_rng(0)
    values, draws = dict[str, Floats](), dict[str, Floats]()
    for name, seeds in said.items():
        values[name] = np.mean([of_one(one, np.ones(len(labels))) for one in seeds], axis=0)
        each = np.stack([np.concatenate([of_one(one, part) for part in drawn_weights], axis=1) for one in seeds])
        # A run of other seeds would have given something else too: they are drawn as the patients are.
        chosen = draw.integers(0, len(seeds), (RESAMPLES, len(seeds)))
        draws[name] = each[chosen, :, np.arange(RESAMPLES)[:, None]].mean(axis=1).T
    shifts = ", ".join(names[each] for each in new)
    lines = [
        f"{len(val)} films of {clusters.known_patients} patients, {len(said['plain'])} seeds; shifted is the mean "
        f"over {shifts}.",
        "",
        f"| part | {' | gain | '.join(KINDS)} | gain |",
        "|---" * (1 + 2 * len(KINDS)) + "|",
    ]
    for name in said:
        gains = [
            _gain(*each) for each in zip(values[name] - values["plain"], draws[name] - draws["plain"], strict=True)
        ]
        cells = [
            f"{value:.4f} | {gain if name != 'plain' else ''}"
            for value, gain in zip(values[name], gains, strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _gain(value: float, draws: Floats) -> str:
    low, high = np.quantile(draws, (0.025, 0.975))
    shown = f"{value:+.4f} ({low:+.4f} to {high:+.4f})"
    return f"**{shown}**" if low > 0 or high < 0 else shown


if __name__ == "__main__":
    main()
