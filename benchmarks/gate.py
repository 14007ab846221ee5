"""The gate: what it stops and what it lets through, on real films and real out-of-distribution examples.

It is fitted on the training films alone and checked on validation films of other patients, as they are and under the
shifts of two batteries, and on out-of-distribution examples that nothing was fitted to: scikit-image's photographs,
faces and pages and
crops of them, a film that is not a chest and crops of it, slices of pydicom's, generated noise and text, and the
validation films rotated and inverted. The shares hold for the preprocessing that is named; any may be tried.

    python -m benchmarks.gate --data ../shared/data
    python -m benchmarks.gate --size 160 --region lungs
    python -m benchmarks.gate --size 64 --equalise clahe

Target: an AUROC of 0.99 or more for each kind, at 99% of chest films let through.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pydicom
import skimage
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import binomtest

from hilum import films, gate
from hilum.gate.descriptor import Image8
from hilum.metrics import auroc
from hilum.pixels import decode, preprocess
from hilum.recipe import Pixels
from hilum.shifts import ACQUISITION, ELSEWHERE, FAMILIAR, Grey

PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "moon.png",
    "motorcycle_left.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
CROPS, FACES = 20, 100  # crops of each photograph
CT = ("CT_small.dcm", "J2K_pixelrep_mismatch.dcm", "693_J2KI.dcm")


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--resize", default="squash")
    parser.add_argument("--equalise", default="none")
    parser.add_argument("--region", default="film", help="`lungs` crops films to them, as the shipped detector does")
    parser.add_argument("--films", type=int, default=5000, help="fit on so many training films at most")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.data / "chest_xray"
    if not folder.is_dir():
        print(f"{folder} is not here; name the folder of films with --data DIR")
        return
    spec = replace(
        Pixels(),
        size=arguments.size,
        resize=arguments.resize,
        equalise=arguments.equalise,
        region=arguments.region,
        grey_from=arguments.region,
    )
    manifest = films.index(folder)
    train, val = list(manifest.split("train")), list(manifest.split("val"))
    train = train[:: math.ceil(len(train) / arguments.films)]
    squares = [preprocess(decode(film.path), spec) for film in train]
    started = time.perf_counter()
    fitted = gate.fit_gate(squares, [film.patient for film in train], arguments.seed)
    print(f"fitted on {fitted.films} films of {fitted.patients} patients in {time.perf_counter() - started:.1f} s")
    greys = [decode(film.path) for film in val]
    chests = [preprocess(grey, spec) for grey in greys]
    started = time.perf_counter()
    verdicts = gate.check_films(fitted, chests)
    print(f"checked at {1000 * (time.perf_counter() - started) / len(chests):.2f} ms a film\n")

    print(f"{'chest films':<34}{'n':>5}  passed")
    ends = binomtest(int(verdicts.passed.sum()), len(chests)).proportion_ci()
    interval = f"({ends.low:.1%} to {ends.high:.1%})"
    print(f"{'held out, as they are':<34}{len(chests):>5}  {verdicts.passed.mean():.1%} {interval}")
    for battery in (FAMILIAR, ACQUISITION, ELSEWHERE):
        for name, shift in battery.shifts.items():
            shifted = gate.check_films(fitted, [preprocess(shift(grey), spec) for grey in greys])
            print(f"{f'{battery.name}: {name}':<34}{len(chests):>5}  {shifted.passed.mean():.1%}")

    print(f"\n{'out-of-distribution':<34}{'n':>5}  {'AUROC':<8}{'stopped':<9}why")
    shown = ood_examples_of(arguments.data, spec, chests)
    shown |= adults_of(arguments.data, spec)
    for kind, pictures in shown.items():
        checked = gate.check_films(fitted, pictures)
        labels = np.repeat([0, 1], [len(chests), len(pictures)])
        area = float(auroc(labels, np.concatenate([verdicts.scores, checked.scores])))
        print(f"{kind:<34}{len(pictures):>5}  {area:<8.4f}{1 - checked.passed.mean():<9.1%}{told(checked)}")


def told(verdicts: gate.GateResult) -> str:
    """The reasons of what is stopped, by how often they are given."""
    counts = Counter(reason for reason in verdicts.reasons if reason)
    return "; ".join(f"{count} {reason}" for reason, count in counts.most_common())


def ood_examples_of(data: Path, spec: Pixels, chests: list[Image8]) -> dict[str, list[Image8]]:
    """Pictures that are no chest films, preprocessed, by kind."""
    draws = np.random.default_rng(7)
    photographs = [scikit_image(name) for name in PHOTOGRAPHS]
    pages = [scikit_image("page.png"), scikit_image("text.png")]
    faces = np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")[:FACES]
    other = decode(str(data / "dicom" / "RG3_J2KR.dcm"))
    slices = Path(pydicom.__file__).parent / "data" / "test_files"
    greys: dict[str, Iterable[Grey]] = {
        "photographs": photographs,
        "crops of photographs": (crop for grey in photographs for crop in crops(grey, CROPS, 0.3, draws)),
        "faces": (np.asarray(face, dtype=np.float32) for face in faces),
        "pages of text and crops": [*pages, *(crop for grey in pages for crop in crops(grey, 49, 0.3, draws))],
        "a leg (DICOM)": [other],
        "crops of the leg": crops(other, 40, 0.5, draws),
        "CT slices, Shepp-Logan phantom": [*(decode(str(slices / name)) for name in CT), scikit_image("phantom.png")],
    }
    kinds = {kind: [preprocess(grey, spec) for grey in pictures] for kind, pictures in greys.items()}
    return {**kinds, **gate.ood_examples(chests), "rotated by 45 degrees": [askew(film) for film in chests]}


def adults_of(data: Path, spec: Pixels) -> dict[str, list[Image8]]:
    """Chest films of adults: no target, but a reader of films wants to know."""
    adults = films.index(data / "nih_sample" / "Data_Entry.csv", cut=False)
    chest = decode(str(data / "dicom" / "RG1_J2KI.dcm"))
    return {
        "chest films of adults": [preprocess(decode(film.path), spec) for film in adults],
        "a chest film of an adult (DICOM)": [preprocess(chest, spec)],
    }


def scikit_image(name: str) -> Grey:
    """A picture that comes with scikit-image, in grey."""
    with Image.open(Path(skimage.__file__).parent / "data" / name) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)


def crops(grey: Grey, number: int, least: float, draws: np.random.Generator) -> Iterator[Grey]:
    """Squares cut out at random, half of them mirrored; `least` and more of the shorter side."""
    for _ in range(number):
        side = max(32, int(min(grey.shape) * draws.uniform(least, 1)))
        top, left = (int(draws.integers(length - side + 1)) for length in grey.shape)
        crop = grey[top : top + side, left : left + side]
        yield crop[:, ::-1] if draws.random() < 0.5 else crop


def askew(film: Image8) -> NDArray[np.uint8]:
    """A film turned by 45°, black corners."""
    middle = (len(film) - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), 45, 1)
    return np.asarray(cv2.warpAffine(film, matrix, film.shape), dtype=np.uint8)


if __name__ == "__main__":
    main()
