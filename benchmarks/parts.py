"""What each part of the learning scheme buys: on clean validation, and on films as other machines would make them.

S1 learns at 64 px by one plain recipe, and again with each part added to it alone. Every variant is judged on the
same validation films: as they are, under `shifts-1` and under `familiar-1`; a shift of a kind that some
variant draws in training (sharpening, gamma, …) is left out of the mean for all of them, so that what remains is new
to every variant. What a part buys is the difference to the plain recipe, with a 95% interval from a bootstrap over
patients that draws both alike.

    python -m benchmarks.parts --data ../shared/data/chest_xray --out runs/parts

Variants that are there already are not trained again.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum import films
from hilum.cli.learning import learn, write_bundle
from hilum.evaluation.familiar import FAMILIAR
from hilum.evaluation.robustness import probs_under_shifts
from hilum.evaluation.shifts import SHIFTS
from hilum.inference import Detector
from hilum.metrics import auroc, clusters_of, confusion, intervals
from hilum.recipe import read_recipe
from hilum.records import Figure, Manifest

PLAIN = Path("recipes/plain.toml")
VARIANTS = Path(__file__).with_suffix(".toml")
# Kinds of shift that some variant draws in training.
DRAWN = {
    "unsharp_masked", "brightened", "darkened", "flattened", "hardened", "blurred", "noisy", "rotated", "zoomed_out",
    "zoomed_in", "compressed", "equalised",
}  # fmt: skip
KINDS = ("clean", "shifted", "decided")  # AUROC, AUROC, balanced accuracy at the bundle's threshold
Floats = NDArray[np.float64]


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    parser.add_argument("--out", type=Path, default=Path("runs/parts"))
    arguments = parser.parse_args()
    manifest = films.index(arguments.data)
    val = manifest.split("val")
    said = {name: judge(name, settings, manifest, arguments.out) for name, settings in variants().items()}
    print(table(said, val))


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


def judge(name: str, settings: list[str], manifest: Manifest, out: Path) -> tuple[Floats, float]:
    """A variant's probabilities of pneumonia, (1 + shifts, films), and its threshold."""
    folder = out / "".join(letter if letter.isalnum() else "-" for letter in name)
    if not (folder / "bundle").exists():
        recipe = read_recipe(PLAIN, (*settings, f"name={json.dumps(name)}"))
        write_bundle(learn(recipe, manifest, folder, resume=(folder / "recipe.toml").exists()))
    detector, stored = Detector(folder / "bundle"), folder / "probs.npy"
    if not stored.exists():
        _, probs = probs_under_shifts(detector, list(manifest.split("val")), {**SHIFTS, **FAMILIAR})
        np.save(stored, probs[:, :, 1])
    threshold = detector.spec.operating_point.threshold
    assert threshold is not None
    return np.load(stored), threshold


def table(said: dict[str, tuple[Floats, float]], val: Manifest) -> str:
    """Each variant's figures, and its difference to the first, as Markdown."""
    labels = np.array([film.label == "PNEUMONIA" for film in val])
    names = ["unshifted", *SHIFTS, *FAMILIAR]
    new = [number for number, name in enumerate(names) if number and name not in DRAWN]

    def statistics(weights: Floats) -> dict[str, Floats]:
        figures: dict[str, Floats] = {}
        for name, (probs, threshold) in said.items():
            figures[f"{name} clean"] = auroc(labels, probs[0], weights)
            figures[f"{name} shifted"] = np.mean([auroc(labels, probs[each], weights) for each in new], axis=0)
            decided = [confusion(labels, probs[each], threshold, weights) for each in new]
            halves = [(tp / (tp + fn) + tn / (tn + fp)) / 2 for tn, fp, fn, tp in decided]
            figures[f"{name} decided"] = np.mean(halves, axis=0)
        for name in said:
            for kind in KINDS:
                figures[f"{name} {kind} gain"] = figures[f"{name} {kind}"] - figures[f"plain {kind}"]
        return figures

    figures = intervals(statistics, clusters_of(labels, [film.patient for film in val]))
    lines = [
        f"{len(val)} films of {len({film.patient for film in val})} patients; shifted is the mean over "
        f"{', '.join(names[each] for each in new)}.",
        "",
        "| part | validation AUROC | gain | shifted AUROC | gain | shifted balanced accuracy | gain |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in said:
        cells = [f"{figures[f'{name} {kind}'].value:.4f} | {_gain(figures[f'{name} {kind} gain'])}" for kind in KINDS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _gain(figure: Figure) -> str:
    if figure.low is None or figure.high is None or figure.value is None:
        return ""
    shown = f"{figure.value:+.4f} ({figure.low:+.4f} to {figure.high:+.4f})"
    return f"**{shown}**" if figure.low > 0 or figure.high < 0 else shown


if __name__ == "__main__":
    main()
