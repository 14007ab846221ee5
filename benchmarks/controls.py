"""Does a detector read the lungs? Films without lungs, with another film's lungs, and where the attribution lies.

    python -m benchmarks.controls BUNDLE --data ../shared/data/chest_xray --split val

Every film is scored, whatever the gate says of it, and is cropped as its intact film is. The AUROC of each control
has a 95% interval over patients; so has the share of pairs that the lungs' film decides: a film gets the lungs of one
of the other class, and the detector is to call it what the lungs' film is.
The share of the attribution inside the lungs, in films of the positive class and for that class, stands beside the
share of the film that they take, which is chance; it needs torch, and `--explained 0` leaves it out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.lung_swaps import lungs_or_middle, outside_replaced, outsides, with_lungs_of
from hilum.errors import FilmError, RequestError
from hilum.films import as_manifest
from hilum.inference import Detector
from hilum.lungs import Lungs, shipped_finder
from hilum.lungs.found import WHOLE, hull_of
from hilum.metrics import auroc, clusters_of, intervals
from hilum.pixels import decode, preprocess, read_square
from hilum.pixels.preprocess import preprocess_scaled
from hilum.records import Figure, Film
from hilum.shifts import CONTROLS
from hilum.workers import map_in_order

LUNGS_SWAPPED, OUTSIDE_SWAPPED = "lungs of the other class", "outside of the other class"
METHODS = ("gradcam", "integrated-gradients")
_AHEAD = 16
Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a detector gives for films under each control.

    Attributes:
        labels: (n,) bool, whether a film is of the positive class.
        patients: of each film; empty where unknown.
        probs: (n,) by control: the probability of the positive class; `intact` for the films as they are.
        without_lungs: films in which no lungs were found; their middle was taken for them.
    """

    labels: NDArray[np.bool_]
    patients: tuple[str, ...]
    probs: Mapping[str, NDArray[np.float64]]
    without_lungs: int


def main() -> None:
    """Print a line for each control, then the shares of the attribution."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    parser.add_argument("--split", default="val")
    parser.add_argument("--films", type=int, default=0, help="at most so many of each class; 0: all")
    parser.add_argument(
        "--explained", type=int, default=32, help="films of the positive class whose attribution is computed"
    )
    arguments = parser.parse_args()
    detector = Detector(arguments.bundle)
    films = chosen_films(detector, arguments.data, arguments.split, arguments.films)
    print(f"{arguments.bundle}: {len(films)} films of {arguments.data}, {arguments.split}")
    scores = score(detector, films)
    print(f"lungs found in {len(scores.labels) - scores.without_lungs} of {len(scores.labels)} films that were read")
    threshold = detector.spec.operating_point.threshold
    assert threshold is not None
    for name, figure in figures(scores, threshold).items():
        print(f"  {name:<58} {figure}")
    if arguments.explained:
        positive = [film for film in films if film.label == detector.classes[1]]
        explained = positive[:: max(1, len(positive) // arguments.explained)][: arguments.explained]
        for method in METHODS:
            print(f"  {attribution(detector, explained, method)}")


def chosen_films(detector: Detector, data: Path, split: str, most: int = 0) -> list[Film]:
    """The labelled films of a split, the classes in turn as far as both go.

    Raises:
        RequestError: the detector tells more than two classes apart, or a class has no film here.
    """
    if len(detector.classes) != 2:
        raise RequestError(f"controls are of two classes, and this bundle tells {len(detector.classes)} apart")
    manifest = as_manifest(data, cut=split in ("train", "val")).split(split).labelled_by(detector.spec.recipe.labels)
    by_class = [[film for film in manifest if film.label == name] for name in detector.classes]
    if not all(by_class):
        raise RequestError(f"{data}: no labelled films of both classes in the split '{split}'; name another --split")
    by_class = [films[:most] if most else films for films in by_class]
    return [film for number in range(max(map(len, by_class))) for films in by_class for film in films[number:][:1]]


def score(detector: Detector, films: Sequence[Film], seed: int = 0) -> Scores:
    """Score films under every control; each one's partner is drawn from the films of the other class."""
    positive = detector.classes[1]
    draw = np.random.default_rng(seed)
    others = {name: [film for film in films if film.label != name] for name in detector.classes}
    partners = [others[film.label][int(draw.integers(len(others[film.label])))] for film in films]
    work = partial(_scored, detector)
    read, rows, lost = [], [], 0
    pairs = enumerate(zip(films, partners, strict=True))
    with closing(map_in_order(lambda numbered: work(*numbered[1], numbered[0]), pairs, ahead=_AHEAD)) as scored:
        for film, row in zip(films, scored, strict=True):
            if row is not None:
                read.append(film)
                rows.append(row[0])
                lost += not row[1]
    probs = {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else {})}
    return Scores(np.array([film.label == positive for film in read]), tuple(f.patient for f in read), probs, lost)


def figures(scores: Scores, threshold: float, resamples: int = 2000) -> dict[str, Figure]:
    """The AUROC under each control, by the films' own classes, and the share of pairs that the lungs decide."""
    labels, called = scores.labels, scores.probs[LUNGS_SWAPPED] >= threshold
    intact = scores.probs["intact"] >= threshold
    decided = called != labels  # the lungs are of the other class
    shares = {
        "lungs swapped: the lungs' film decides, of all pairs": np.ones(labels.shape, dtype=bool),
        "lungs swapped: of films that are called rightly as they are": intact == labels,
        "lungs swapped: of positive films with negative lungs": labels,
        "lungs swapped: of negative films with positive lungs": ~labels,
    }

    def statistics(weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        found = {f"AUROC, {name}": auroc(labels, probs, weights) for name, probs in scores.probs.items()}
        for name, among in shares.items():
            counted = weights * among
            with np.errstate(invalid="ignore"):
                found[name] = (counted * decided).sum(axis=-1) / counted.sum(axis=-1)
        return found

    return intervals(statistics, clusters_of(labels.astype(np.intp), list(scores.patients)), resamples, 0, shares)


def attribution(detector: Detector, films: Sequence[Film], method: str) -> str:
    """The mean share of what speaks for the positive class inside the lungs and inside their hull, and chance."""
    from hilum.bundle.weights import load_model
    from hilum.explanation import attribute, share_inside

    model, spec = load_model(detector.bundle), detector.spec
    inside: list[tuple[float, float, float, float]] = []
    for film in films:
        try:
            square = read_square(film.path, spec.recipe.pixels, film.sha256, detector.lungs)
        except FilmError:
            continue
        lungs = square.lungs > 127 if square.lungs is not None else shipped_finder().find(square.levels).mask
        if lungs is None or not lungs.any():
            continue
        heat = attribute(model, square.levels[None], method, 1)[0]  # type: ignore[arg-type]
        hull = hull_of(lungs)
        shares = share_inside(heat, lungs), share_inside(heat, hull)
        if shares[0] is not None and shares[1] is not None:
            inside.append((shares[0], float(lungs.mean()), shares[1], float(hull.mean())))
    if not inside:
        return f"{method}: no film has both lungs and something that speaks for {detector.classes[1]}"
    lung, by_chance, hulls, hulls_by_chance = np.mean(inside, axis=0)
    return (
        f"{method}, {len(inside)} films: {lung:.2f} inside the lungs (by chance {by_chance:.2f}), {hulls:.2f} inside "
        f"their hull (by chance {hulls_by_chance:.2f})"
    )


def _scored(detector: Detector, film: Film, partner: Film, seed: int) -> tuple[dict[str, float], bool] | None:
    """The probabilities of one film under every control, and whether lungs were found in it."""
    spec = detector.spec.recipe.pixels
    try:
        grey, other = (decode(each.path, spec.window, each.sha256, spec.grey_scale) for each in (film, partner))
    except FilmError:
        return None
    finder = detector.lungs or shipped_finder()
    found, of_other = finder.find(grey), finder.find(other)
    views = dict(controls_of(grey, found, other, of_other, seed))
    region = found.box or WHOLE
    intact = preprocess_scaled(grey, spec, grey.shape, 1, detector.lungs)
    squares = [intact.levels]
    # Without lungs a film keeps its grey scale, as in `hilum evaluate --shifts`; other lungs bring theirs.
    framings = {name.replace("_", " "): intact.framing for name in CONTROLS.shifts}
    squares += [preprocess(view, spec, detector.lungs, framings.get(name, region)) for name, view in views.items()]
    lungs = None if intact.lungs is None else np.stack([intact.lungs] * len(squares))
    probs = detector.probs(np.stack(squares), lungs)[:, 1]
    return dict(zip(("intact", *views), map(float, probs), strict=True)), found.mask is not None


def controls_of(grey: Grey, found: Lungs, other: Grey, of_other: Lungs, seed: int) -> Iterator[tuple[str, Grey]]:
    """A film under every control, by name."""
    for name, shift in CONTROLS.shifts.items():
        yield name.replace("_", " "), shift(grey)
    hull, box = lungs_or_middle(found, grey.shape)
    others_hull, others_box = lungs_or_middle(of_other, other.shape)
    yield LUNGS_SWAPPED, with_lungs_of(grey, hull, box, other, others_hull, others_box)
    # The other way round: this film's lungs in the other one, which then lies as this film does.
    yield OUTSIDE_SWAPPED, outside_replaced(grey, hull, _as_large(other, grey.shape))
    for name, outside in outsides(grey, seed).items():
        yield f"outside {name}", outside_replaced(grey, hull, outside)


def _as_large(film: Grey, shape: tuple[int, ...]) -> Grey:
    import cv2

    return np.asarray(cv2.resize(film, shape[::-1], interpolation=cv2.INTER_AREA), dtype=np.float32)


if __name__ == "__main__":
    main()
