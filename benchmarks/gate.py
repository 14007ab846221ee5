"""The gate: what it stops and what it lets through, kind by kind, by a gate that has not seen the kind.

It is fitted on the children's training films and on what is known of adults' films, and shown whole films of
128 × 128 pixels, as the shipped detector's. It is checked on validation films of other patients, as they are and
under the shifts of three batteries; on adults' films of one source with a gate that knows those of the other alone;
and on pictures of which it knows none: scikit-image's photographs, faces and pages and crops of them, a film that is
not a chest and crops of it, slices of pydicom's, pictures that `benchmarks.gate_pictures` makes, noise and text, and
the validation films rotated and inverted. The column `no lungs` is of those that pass the gate, and in which the
lung network finds none: a detector that is shown the lungs alone does not judge these either. `not sure` is the share
that does not pass and yet is taken for a frontal chest film, of another look: upright lungs are found. What neither
passes nor is in it is not judged.

    python -m benchmarks.gate --data ../shared/data
    python -m benchmarks.gate --films 1000 --every 4

Target: an AUROC of 0.99 or more for each kind, at 97% of chest films let through, and 5% of adults at most.
"""

from __future__ import annotations

import argparse
import math
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

from benchmarks.adults import ADULT, SOURCES, WHOLE, aged_films, learn_adults, with_children
from benchmarks.gate_pictures import made_pictures
from hilum import films, gate
from hilum.gate import Reason
from hilum.gate.descriptor import Image8
from hilum.gate.fit import describe_with_views
from hilum.lungs import find_lungs
from hilum.metrics import auroc
from hilum.pixels import decode, preprocess, read_square
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
    parser.add_argument("--films", type=int, default=5000, help="fit on so many training films at most")
    parser.add_argument("--every", type=int, default=1, help="check on one in so many validation films and adults")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder, every = arguments.data / "chest_xray", arguments.every
    if not folder.is_dir():
        print(f"{folder} is not here; name the folder of films with --data DIR")
        return
    manifest = films.index(folder)
    train, val = list(manifest.split("train")), list(manifest.split("val"))[::every]
    train = train[:: math.ceil(len(train) / arguments.films)]
    squares, patients = [read_square(film.path, WHOLE).levels for film in train], [film.patient for film in train]
    aged = {name: aged_films(arguments.data, name) for name in SOURCES}
    draws = np.random.default_rng(arguments.seed)
    adults = {
        name: np.stack([describe_with_views(film, draws) for age, film in some if age >= ADULT])
        for name, some in aged.items()
    }
    children = np.stack([describe_with_views(film, draws) for film in squares])
    everyone = learn_adults(np.concatenate(list(adults.values())), list(adults))
    fitted = gate.fit_gate(squares, patients, arguments.seed, adults=with_children(everyone, children, patients))
    print(f"fitted on {fitted.films} films of {fitted.patients} patients\n")
    chests = [read_square(film.path, WHOLE).levels for film in val]
    verdicts = gate.check_films(fitted, chests)

    print(f"{'chest films':<42}{'n':>5}  passed")
    ends = binomtest(int(verdicts.passed.sum()), len(chests)).proportion_ci()
    interval = f"({ends.low:.1%} to {ends.high:.1%})"
    print(f"{'held out, as they are':<42}{len(chests):>5}  {verdicts.passed.mean():.1%} {interval}")
    greys = [decode(film.path) for film in val]
    for battery in (FAMILIAR, ACQUISITION, ELSEWHERE):
        for name, shift in battery.shifts.items():
            views = [preprocess(shift(grey), WHOLE) for grey in greys]
            shifted = gate.check_films(fitted, views)
            unsure = of_another_look(views, shifted)
            passed = f"{shifted.passed.mean():.1%}  {unsure:.1%} not sure"
            print(f"{f'{battery.name}: {name}':<42}{len(chests):>5}  {passed}", flush=True)

    print(f"\n{'kind':<42}{'n':>5}  {'AUROC':<8}{'passed':<9}{'no lungs':<10}{'not sure':<10}why")

    def row(kind: str, known: gate.Gate, pictures: list[Image8]) -> None:
        own, theirs = gate.check_films(known, chests), gate.check_films(known, pictures)
        labels = np.repeat([0, 1], [len(chests), len(pictures)])
        area = float(auroc(labels, np.concatenate([own.scores, theirs.scores])))
        let = [picture for picture, passed in zip(pictures, theirs.passed, strict=True) if passed]
        without = sum(find_lungs(picture).mask is None for picture in let)
        passed, unsure = f"{theirs.passed.mean():.1%}", f"{of_another_look(pictures, theirs):.1%}"
        figures = f"{kind:<42}{len(pictures):>5}  {area:<8.4f}{passed:<9}{without:<10}{unsure:<10}"
        print(f"{figures}{told(theirs)}", flush=True)

    for name, left_out in aged.items():
        (other,) = set(adults) - {name}
        known = replace(
            fitted, adults=with_children(learn_adults(adults[other], [other]), children, patients).children
        )
        some = left_out[::every]
        row(f"adults of {name}, fitted without", known, [film for age, film in some if age >= ADULT])
        row(f"under 18 of {name}", known, [film for age, film in some if age < ADULT])
    for kind, pictures in ood_examples_of(arguments.data, WHOLE, chests).items():
        row(kind, fitted, pictures)


def of_another_look(pictures: list[Image8], verdicts: gate.GateResult) -> float:
    """The share of pictures that are chest films, by their lungs, and unlike those that a detector learnt from."""
    unlike = (picture for picture, reason in zip(pictures, verdicts.reasons, strict=True) if reason == Reason.UNLIKE)
    found = [find_lungs(picture) for picture in unlike]
    return sum(lungs.mask is not None and not lungs.rotation for lungs in found) / len(pictures)


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
    kinds["a chest film of an adult (DICOM)"] = [preprocess(decode(str(data / "dicom" / "RG1_J2KI.dcm")), spec)]
    kinds |= made_pictures(chests)
    return {**kinds, **gate.ood_examples(chests), "rotated by 45 degrees": [askew(film) for film in chests]}


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
