"""Every two detectors against each other, on the films that all of them judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.comparison.entry import Entry
from hilum.errors import RequestError
from hilum.metrics import (
    PairedTest,
    binary_differences,
    binary_metrics,
    clusters_of,
    delong_test,
    holm,
    mcnemar_test,
    multiclass_metrics,
    paired_bootstrap,
)  # fmt: skip
from hilum.metrics.counts import Bools, Floats
from hilum.metrics.multiclass import MulticlassScores, means_at
from hilum.records import Figure, Prediction

FIGURES = ("auroc", "accuracy", "sensitivity", "specificity", "average_precision", "brier", "log_loss")
FEW_FILMS = 30  # of a class; below it a single film moves its sensitivity by more than 3 points
_LOWER_IS_BETTER = {"brier", "log_loss"}


def compare(entries: Sequence[Entry], resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Test every two detectors against each other, film by film, patients whole.

    AUROC of two classes by DeLong's test, accuracy by McNemar's, the rest by a bootstrap that draws the same
    patients for both. The p-values of one figure over all pairs are corrected by Holm's method.

    Args:
        entries: two or more, judged on the same films.
        resamples: of the patients.
        seed: where their draws start.

    Returns:
        What `comparison.json` holds: `n` films that all could judge, `patients`; `classes`; `entries`, each with its
        `name`, `figures` on these films and `cost`; `pairs`, each with `first`, `second` and `tests` by figure:
        `difference` as `{"value", "low", "high"}`, `p`, `p_holm`, `says` (in words) and `higher` (a name, or null
        where no difference is shown); and `notes`.

    Raises:
        RequestError: fewer than two entries, or they were not judged on the same films with the same labels.
    """
    rows = _together(entries)
    classes = entries[0].predictions.classes
    labels = np.array([classes.index(row.film.label) for row in rows[0]], dtype=np.intp)
    patients = [row.film.patient for row in rows[0]]
    judged = [
        _Judged(
            MulticlassScores(labels, np.array([row.probs for row in said], dtype=np.float64)),
            entry.predictions.threshold,
            patients,
            resamples,
            seed,
        )
        for entry, said in zip(entries, rows, strict=True)
    ]
    pairs = list(combinations(range(len(entries)), 2))
    tests = [_tests(judged[a], judged[b]) for a, b in pairs]
    kinds = [kind for kind in FIGURES if kind in tests[0]]
    corrected = {kind: holm([each[kind].p for each in tests]) for kind in kinds}
    return {
        "n": len(labels),
        "patients": len(set(patients) - {""}),
        "classes": list(classes),
        "resamples": resamples,
        "seed": seed,
        "entries": [
            {
                "name": entry.name,
                "figures": {kind: asdict(figure) for kind, figure in each.figures().items() if kind in FIGURES},
                "cost": asdict(entry.cost),
            }
            for entry, each in zip(entries, judged, strict=True)
        ],
        "pairs": [
            {
                "first": entries[a].name,
                "second": entries[b].name,
                "tests": {
                    kind: _told(kind, each[kind], corrected[kind][number], entries[a].name, entries[b].name)
                    for kind in kinds
                },
            }
            for number, ((a, b), each) in enumerate(zip(pairs, tests, strict=True))
        ],
        "notes": _notes(entries, labels, patients),
    }


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one detector says of the films that all of them could judge."""

    films: MulticlassScores
    threshold: float | None
    patients: list[str]
    resamples: int
    seed: int

    @property
    def right(self) -> Bools:
        """Which films are called what they are."""
        called = self.films.called if self.threshold is None else self.films.probs[:, 1] >= self.threshold
        return np.asarray(called == self.films.labels)

    def figures(self) -> dict[str, Figure]:
        labels, probs, draws = self.films.labels, self.films.probs, (self.patients, self.resamples, self.seed)
        if self.threshold is None:
            return multiclass_metrics(labels, probs, *draws).overall
        return binary_metrics(labels == 1, probs[:, 1], self.threshold, *draws)

    def means_at(self, weights: Floats) -> dict[str, Floats]:
        return {name: value for name, value in means_at(self.films, weights).items() if " " not in name}


def _tests(a: _Judged, b: _Judged) -> dict[str, PairedTest]:
    """Every figure of the first detector against the second's."""
    accuracy = {"accuracy": mcnemar_test(a.right, b.right, a.patients)}
    if a.threshold is None or b.threshold is None:
        clusters = clusters_of(a.films.labels, a.patients)
        return {**paired_bootstrap(a.means_at, b.means_at, clusters, a.resamples, a.seed), **accuracy}
    labels, probs = a.films.labels == 1, (a.films.probs[:, 1], b.films.probs[:, 1])
    drawn = binary_differences(labels, probs, (a.threshold, b.threshold), a.patients, a.resamples, a.seed)
    return {**drawn, "auroc": delong_test(labels, *probs, a.patients), **accuracy}


def _together(entries: Sequence[Entry]) -> list[list[Prediction]]:
    """What each says of the films that all could judge, in the first one's order."""
    if len(entries) < 2:
        raise RequestError("a comparison needs two detectors or more; name their runs or evaluations")
    first = entries[0]
    for entry in entries[1:]:
        if entry.predictions.classes != first.predictions.classes:
            raise RequestError(
                f"{first.name} tells {', '.join(first.predictions.classes)} apart, and {entry.name} "
                f"{', '.join(entry.predictions.classes)}: they cannot be compared"
            )
    by_path = [{row.film.path: row for row in entry.predictions if row.film.label} for entry in entries]
    for entry, films in zip(entries[1:], by_path[1:], strict=True):
        common = films.keys() & by_path[0].keys()
        if len(common) < max(len(films), len(by_path[0])):
            raise RequestError(
                f"{first.name} was judged on {len(by_path[0])} labelled films and {entry.name} on {len(films)}, "
                f"{len(common)} of them the same: evaluate both on the same --data and --split"
            )
        other = next((path for path in common if films[path].film.label != by_path[0][path].film.label), None)
        if other is not None:
            raise RequestError(
                f"{other}: labelled {by_path[0][other].film.label} for {first.name} and {films[other].film.label} "
                f"for {entry.name}; evaluate both on the same --data"
            )
    judged = [path for path in by_path[0] if not any(films[path].error for films in by_path)]
    if not judged:
        raise RequestError("no labelled film could be judged by all of them, so there is nothing to compare")
    return [[films[path] for path in judged] for films in by_path]


def _told(kind: str, test: PairedTest, p_holm: float | None, first: str, second: str) -> dict[str, Any]:
    value, higher = test.difference.value, None
    if value is None or p_holm is None:
        says = "cannot be tested on these films"
    elif not (PairedTest(test.difference, p_holm).shows_difference and value):
        says = "no difference shown"
    else:
        higher = first if value > 0 else second
        says = f"{first} is {'better' if (kind in _LOWER_IS_BETTER) != (higher == first) else 'worse'}"
    return {"difference": asdict(test.difference), "p": test.p, "p_holm": p_holm, "higher": higher, "says": says}


def _notes(entries: Sequence[Entry], labels: NDArray[np.intp], patients: list[str]) -> list[str]:
    n, classes = len(labels), entries[0].predictions.classes
    notes = [
        f"Only {count} film{'s' * (count != 1)} labelled {name}: nothing but a large difference can be shown of them."
        for name, count in zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True)
        if count < FEW_FILMS
    ]
    labelled = sum(bool(row.film.label) for row in entries[0].predictions)
    if labelled > n:
        notes.append(f"{labelled - n} films could not be read by every one of them, and are counted for none.")
    if unknown := patients.count(""):
        notes.append(
            f"The patients of {unknown} films are not known: where they have several, p-values are too small."
        )
    notes.append(
        "“No difference shown” is not “the same”: with more films a difference within the interval might be shown."
    )
    return notes
