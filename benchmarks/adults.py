"""What the gate knows of adults' films: it makes `src/hilum/gate/adults.json`, or another one without some films.

It reads the adults' films that radiologists of the RSNA read as normal, the adults' films of a sample of NIH's, and
the children's training films of Guangzhou; `../shared/data/README.md` names their sources. What is written holds no
film: a mean and variances of descriptors of the adults' films, and the weights of a discriminant.

    python -m benchmarks.adults --data ../shared/data --out src/hilum/gate/adults.json
    python -m benchmarks.adults --without nih_sample --out without_nih.json
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from hilum import films
from hilum.files import write_json
from hilum.gate.adults import Adults, fit_discriminant
from hilum.gate.descriptor import Descriptors, Image8
from hilum.gate.distribution import fit_distribution
from hilum.gate.fit import FOLDS, describe_with_views
from hilum.pixels import read_square
from hilum.recipe import Pixels

WHOLE = Pixels(size=128)
TABLES = {
    "rsna_normal": ("films.csv", "image", "age"),
    "nih_sample": ("Data_Entry.csv", "Image Index", "Patient Age"),
}
SOURCES = {
    "rsna_normal": "adults' films read as normal, RSNA Pneumonia Detection Challenge (Shih et al. 2019)",
    "nih_sample": "adults' films of ChestX-ray14 (Wang et al. 2017), NIH Clinical Center",
}
CHILDREN = "children's films, Guangzhou (Kermany et al. 2018)"
ADULT = 18  # years


def main() -> None:
    """Write the file and say what is in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--without", choices=list(SOURCES), help="leave these films out")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    names = [name for name in SOURCES if name != arguments.without]
    chest = arguments.data / "chest_xray"
    if missing := [str(path) for path in (chest, *(arguments.data / name for name in names)) if not path.is_dir()]:
        print(f"{', '.join(missing)}: not here; name the folder that holds them with --data DIR")
        return
    draws = np.random.default_rng(1)
    squares = [film for name in names for age, film in aged_films(arguments.data, name) if age >= ADULT]
    train = films.index(chest).split("train")
    children = np.stack([describe_with_views(read_square(film.path, WHOLE).levels, draws) for film in train])
    adults = learn_adults(np.stack([describe_with_views(film, draws) for film in squares]), names)
    adults = with_children(adults, children, [film.patient for film in train])
    write_json(arguments.out, adults)
    print(f"{arguments.out}: {adults.films} films of adults, {arguments.out.stat().st_size:,} bytes")


def aged_films(data: Path, name: str) -> list[tuple[int, Image8]]:
    """Age in years, and the whole film in 128 × 128 pixels, of each film of a folder."""
    table, image, age = TABLES[name]
    with open(data / name / table, encoding="utf-8", newline="") as file:
        ages = {row[image]: int(float(row[age])) for row in csv.DictReader(file)}
    files = sorted(path for path in (data / name / "images").iterdir() if path.name in ages)
    return [(ages[path.name], read_square(str(path), WHOLE).levels) for path in files]


def learn_adults(described: Descriptors, names: Sequence[str]) -> Adults:
    """What is to be known of adults' films, (films, 1 + views, 512)."""
    return Adults(len(described), (*(SOURCES[name] for name in names), CHILDREN), fit_distribution(described))


def with_children(adults: Adults, children: Descriptors, patients: Sequence[str]) -> Adults:
    """The same with the discriminant that tells children's films, (films, 1 + views, 512), from them."""
    number = {patient: place for place, patient in enumerate(dict.fromkeys(patients))}
    folds = np.random.default_rng(1).permutation(len(number))[[number[patient] for patient in patients]] % FOLDS
    return replace(adults, children=fit_discriminant(children, folds, adults, 0.99))


if __name__ == "__main__":
    main()
