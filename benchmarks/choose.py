"""Which of several trained detectors is the best, chosen without the test and without clean validation alone.

    python -m benchmarks.choose BUNDLE [BUNDLE …] --data ../shared/data/chest_xray

The rule, which was written down before any detector was measured by it (`docs/concepts/validation.md` says why):

1. A detector is a candidate where the controls hold: AUROC with the lungs blanked at most 0.70, on the outer tenth
   alone at most 0.60.
2. A candidate's score is the mean of four AUROCs on the validation films: its mean under `shifts-1`, under
   `familiar-1` and under `shifts-2`, each over ten shifts, and that of its worst acquisition group.
3. The highest score is first. Candidates whose score is not shown to be lower (the 95% interval of the difference,
   from a bootstrap that draws the same patients for both, holds zero) are tied with it, and of these the one with the
   fewest parameters is first. The next place is given in the same way among the rest.

The table gives each figure, the score with its interval, and the rank. A detector that no control clears has no rank,
and stands below those that have one.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum import films
from hilum.auditing.acquisition import acquisition_groups
from hilum.inference import Detector
from hilum.metrics import auroc, clusters_of
from hilum.metrics.bootstrap import resampled_weights
from hilum.records import Film
from hilum.shifts import ACQUISITION, CONTROLS, ELSEWHERE, FAMILIAR, probs_under_shifts

BATTERIES = (ACQUISITION, FAMILIAR, ELSEWHERE)
LIMITS = {"lungs_blanked": 0.70, "border_only": 0.60}
GROUPS = 5  # acquisition groups of the validation films, at most
RESAMPLES = 1000

Floats = NDArray[np.float64]


class Figures(NamedTuple):
    """What the rule looks at, for one detector.

    Attributes:
        name: of the bundle's folder.
        parameters: of its network; 0 where an old bundle does not say.
        clean: AUROC on the films as they are.
        means: mean AUROC under each battery.
        worsts: the lowest AUROC under each battery.
        groups: AUROC of each acquisition group; NaN where a class is missing.
        controls: AUROC under each control, by its name.
        score: the mean of `means` and of the worst group.
        draws: (resamples,) the score in each resample of the patients, the same resamples for every detector.
    """

    name: str
    parameters: int
    clean: float
    means: tuple[float, ...]
    worsts: tuple[float, ...]
    groups: tuple[float, ...]
    controls: dict[str, float]
    score: float
    draws: Floats

    @property
    def clears_controls(self) -> bool:
        """Whether it is a candidate: no AUROC without the lungs is above its limit."""
        return all(self.controls[name] <= limit for name, limit in LIMITS.items())


def main() -> None:
    """Measure every bundle, then print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundles", nargs="+")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    parser.add_argument(
        "--every", type=int, default=1, help="take every Nth validation film, in the order of their paths"
    )
    arguments = parser.parse_args()
    val = [film for film in films.index(arguments.data).split("val") if film.label]
    groups = acquisition_groups(val, GROUPS)
    chosen = val[:: arguments.every]
    found = [measure(bundle, chosen, groups.group_of) for bundle in arguments.bundles]
    print(f"{len(chosen)} validation films of {len({film.patient for film in chosen})} patients; acquisition groups:")
    for number, words in enumerate(groups.descriptions):
        print(f"{number + 1}. {sum(groups.group_of[film.path] == number for film in chosen)} films: {words}")
    print()
    print(table(found))


def measure(bundle: str, val: Sequence[Film], group_of: dict[str, int]) -> Figures:
    """Predict the films under every shift and control, and take the figures."""
    detector = Detector(bundle)
    if len(detector.spec.classes) != 2:
        raise SystemExit(f"{bundle}: tells {len(detector.spec.classes)} classes apart; the rule is for two")
    shifts = {name: shift for battery in (*BATTERIES, CONTROLS) for name, shift in battery.shifts.items()}
    read, probs = probs_under_shifts(detector.probs, list(val), detector.spec.recipe.pixels, detector.lungs, shifts)
    name = Path(bundle).name if Path(bundle).name != "bundle" else Path(bundle).parent.name
    return figures_of(
        name,
        detector.spec.parameters,
        dict(zip(("unshifted", *shifts), probs[:, :, 1], strict=True)),
        np.array([film.label == detector.spec.classes[1] for film in read]),
        [film.patient for film in read],
        np.array([group_of[film.path] for film in read]),
    )


def figures_of(
    name: str,
    parameters: int,
    probs: dict[str, Floats],
    labels: NDArray[np.bool_],
    patients: Sequence[str],
    groups: NDArray[np.intp],
    resamples: int = RESAMPLES,
) -> Figures:
    """The figures from the probabilities of films as they are (`unshifted`), under each shift and each control."""
    inside = [groups == group for group in np.unique(groups)]

    def parts(weights: Floats) -> tuple[list[Floats], Floats]:
        """The AUROCs under each battery, (10, resamples), and those of each group."""
        batteries = [np.stack([auroc(labels, probs[each], weights) for each in one.shifts]) for one in BATTERIES]
        of_groups = [auroc(labels[own], probs["unshifted"][own], weights[..., own]) for own in inside]
        return batteries, np.stack(of_groups)

    def score(weights: Floats) -> Floats:
        batteries, of_groups = parts(weights)
        means = [each.mean(axis=0) for each in batteries]
        return np.asarray(np.mean([*means, np.nanmin(of_groups, axis=0)], axis=0))

    every = np.ones(len(labels))
    batteries, of_groups = parts(every)
    drawn = resampled_weights(clusters_of(labels, list(patients)), resamples, 0)
    return Figures(
        name,
        parameters,
        float(auroc(labels, probs["unshifted"], every)),
        tuple(float(each.mean()) for each in batteries),
        tuple(float(each.min()) for each in batteries),
        tuple(of_groups.ravel().tolist()),
        {control: float(auroc(labels, probs[control], every)) for control in CONTROLS.shifts},
        float(score(every)),
        np.concatenate([np.atleast_1d(score(weights)) for weights in drawn]),
    )


def ranked(found: Sequence[Figures]) -> list[Figures]:
    """The candidates, best first, by the rule above."""
    left = [each for each in found if each.clears_controls]
    order: list[Figures] = []
    while left:
        best = max(left, key=lambda each: each.score)
        tied = [each for each in left if np.quantile(best.draws - each.draws, 0.025) <= 0]
        order.append(min(tied, key=lambda each: (each.parameters or float("inf"), -each.score)))
        left.remove(order[-1])
    return order


def table(found: Sequence[Figures]) -> str:
    """Every detector's figures as Markdown, in the order of the ranks; those that fail a control at the end."""
    order = ranked(found)
    rest = sorted((each for each in found if not each.clears_controls), key=lambda each: -each.score)
    heads = [f"{battery.name}: mean, worst" for battery in BATTERIES]
    controls = [f"{control.replace('_', ' ')} (≤ {limit:.2f})" for control, limit in LIMITS.items()]
    columns = ["rank", "bundle", "parameters", "clean", *heads, "worst group", *controls, "score"]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for place, each in enumerate((*order, *rest), 1):
        low, high = np.quantile(each.draws, (0.025, 0.975))
        cells = [
            str(place) if each.clears_controls else "–",
            each.name,
            f"{each.parameters:,}" if each.parameters else "unknown",
            f"{each.clean:.4f}",
            *(f"{mean:.4f}, {worst:.4f}" for mean, worst in zip(each.means, each.worsts, strict=True)),
            f"{np.nanmin(each.groups):.4f}",
            *(f"{each.controls[control]:.3f}" for control in LIMITS),
            f"{each.score:.4f} ({low:.4f}–{high:.4f})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if not order:
        lines += ["", "None is chosen: each has a control above its limit."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
