"""The pictures of `docs/concepts/classical.md`, from runs of S6, S8, S9 and S10 by their recipes.

    python -m benchmarks.classical_pictures --runs runs --out docs/concepts/classical

Draws what is a sum over many films, and where films lie; no film of a patient.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks import classical_drawings as drawings
from hilum import bundle, films, pixels
from hilum.classical import describe, load
from hilum.classical.models.reduction import LandmarkIsomap, reducer
from hilum.records import Manifest, read_manifest

SYSTEMS = ("s6-template", "s8-linear", "s9-manifold", "s10-genetic")


def main() -> None:
    """Write one PNG for each run that is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--out", type=Path, default=Path("docs/concepts/classical"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in SYSTEMS:
        run = arguments.runs / name
        if not (run / "bundle").is_dir():
            print(f"{run}: no run; train it with: hilum train {name} --data DIR")
            continue
        opened = bundle.read(run / "bundle")
        system, spec = load(opened), opened.spec
        if name == "s6-template":
            path, drawn = "templates.png", drawings.mean_templates(system.pipeline, spec.classes)
        elif name == "s8-linear":
            path, drawn = "eigen-films.png", the_eigen_films(opened, read_manifest(run / "manifest.csv"))
        elif name == "s9-manifold":
            path, drawn = "map.png", the_map(opened, read_manifest(run / "manifest.csv"))
        else:
            path, drawn = "fitness.png", drawings.fitness(spec.history)
        (arguments.out / path).write_bytes(drawn)
        print(f"{arguments.out / path}: {len(drawn) / 1e3:.0f} kB")


def numbers_of(opened: bundle.Bundle, manifest: Manifest) -> np.ndarray:
    """Films as a bundle's system describes them."""
    recipe = opened.spec.recipe
    cache = pixels.cache(manifest, recipe.pixels)
    return describe(cache.films[cache.rows(manifest)], load(opened).spec).numbers


def the_eigen_films(opened: bundle.Bundle, manifest: Manifest) -> bytes:
    """The axes of the bundle's PCA, and the direction in which an LDA parts the classes of the train films there."""
    train, pipeline = manifest.split("train"), load(opened).pipeline
    labels = films.labels_of(train, opened.spec.classes)
    parting = reducer("lda", 0, 0).fit(pipeline[:1].transform(numbers_of(opened, train)), labels)
    means = parting.means_[1] - parting.means_[0]
    direction = parting.scalings_[:, 0] * np.sign(means @ parting.scalings_[:, 0])
    return drawings.eigen_films(pipeline, direction)


def the_map(opened: bundle.Bundle, manifest: Manifest) -> bytes:
    """Validation films by the first two numbers of kernel PCA and of Isomap, both fitted on the train films."""
    system, recipe = load(opened), opened.spec.recipe
    numbers = {split: numbers_of(opened, manifest.split(split)) for split in ("train", "val")}
    behind_pca = {split: system.pipeline[:2].transform(each) for split, each in numbers.items()}
    isomap = LandmarkIsomap(2, recipe.seed).fit(behind_pca["train"])
    places = {
        "kernel PCA": np.asarray(system.pipeline[:3].transform(numbers["val"]))[:, :2],
        "Isomap": isomap.transform(behind_pca["val"]),
    }
    shown = {"NORMAL": "normal", "bacteria": "bacterial", "virus": "viral"}
    names = [film.subtype or film.label for film in manifest.split("val")]
    return drawings.films_map(places, [shown.get(name, name) for name in names])


if __name__ == "__main__":
    main()
