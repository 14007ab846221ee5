"""Every two detectors against each other, on the films that all of them could predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hilum.comparison.entry import Entry
from hilum.comparison.results import Compared, Comparison, DifferenceTest, PairTests
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


def compare_entries(entries: Sequence[Entry], resamples: int = 2000, seed: int = 0) -> Comparison:
    """Test every two detectors against each other, film by film, with each patient's films kept together.

    AUROC of two classes by DeLong's test, accuracy by McNemar's, the rest by a bootstrap that draws the same
    patients for both. The p-values of one figure over all pairs are corrected by Holm's method.

    Args:
        entries: two or more, of the same films.
        resamples: of the patients.
        seed: where their draws start.

    Raises:
        RequestError: fewer than two entries, or not the same films with the same labels.
    """
    rows = _common_rows(entries)
    classes = entries[0].predictions.classes
    labels = np.array([classes.index(row.film.label) for row in rows[0]], dtype=np.intp)
    patients = [row.film.patient for row in rows[0]]
    scored = [
        _Scored(
            MulticlassScores(labels, np.array([row.probs for row in of_entry], dtype=np.float64)),
            entry.predictions.threshold,
            patients,
            resamples,
            seed,
        )
        for entry, of_entry in zip(entries, rows, strict=True)
    ]
    pairs = list(combinations(range(len(entries)), 2))
    tests = [_tests(scored[a], scored[b]) for a, b in pairs]
    kinds = [kind for kind in FIGURES if kind in tests[0]]
    corrected = {kind: holm([each[kind].p for each in tests]) for kind in kinds}
    return Comparison(
        n=len(labels),
        patients=len(set(patients) - {""}),
        classes=classes,
        resamples=resamples,
        seed=seed,
        entries=tuple(
            Compared(
                entry.name,
                {kind: figure for kind, figure in each.figures().items() if kind in FIGURES},
                entry.cost,
            )
            for entry, each in zip(entries, scored, strict=True)
        ),
        pairs=tuple(
            PairTests(
                entries[a].name,
                entries[b].name,
                {
                    kind: _difference_test(
                        kind, each[kind], corrected[kind][number], entries[a].name, entries[b].name
                    )
                    for kind in kinds
                },
            )
            for number, ((a, b), each) in enumerate(zip(pairs, tests, strict=True))
        ),
        notes=tuple(_notes(entries, labels, patients)),
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    """One detector's probabilities of the films that all of them could predict."""

    films: MulticlassScores
    threshold: float | None
    patients: list[str]
    resamples: int
    seed: int

    @property
    def right(self) -> Bools:
        """Which films' predicted class is their label."""
        called = self.films.called if self.threshold is None else self.films.probs[:, 1] >= self.threshold
        return np.asarray(called == self.films.labels)

    def figures(self) -> dict[str, Figure]:
        labels, probs, draws = self.films.labels, self.films.probs, (self.patients, self.resamples, self.seed)
        if self.threshold is None:
            return multiclass_metrics(labels, probs, *draws).overall
        return binary_metrics(labels == 1, probs[:, 1], self.threshold, *draws)

    def means_at(self, weights: Floats) -> dict[str, Floats]:
        return {name: value for name, value in means_at(self.films, weights).items() if " " not in name}


def _tests(a: _Scored, b: _Scored) -> dict[str, PairedTest]:
    """Every figure of the first detector against the second's."""
    accuracy = {"accuracy": mcnemar_test(a.right, b.right, a.patients)}
    if a.threshold is None or b.threshold is None:
        clusters = clusters_of(a.films.labels, a.patients)
        return {**paired_bootstrap(a.means_at, b.means_at, clusters, a.resamples, a.seed), **accuracy}
    labels, probs = a.films.labels == 1, (a.films.probs[:, 1], b.films.probs[:, 1])
    drawn = binary_differences(labels, probs, (a.threshold, b.threshold), a.patients, a.resamples, a.seed)
    return {**drawn, "auroc": delong_test(labels, *probs, a.patients), **accuracy}


def _common_rows(entries: Sequence[Entry]) -> list[list[Prediction]]:
    """Each one's predictions of the films that all could predict, in the first one's order."""
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
                f"{first.name} was evaluated on {len(by_path[0])} labelled films and {entry.name} on {len(films)}, "
                f"{len(common)} of them the same: evaluate both on the same --data and --split"
            )
        other = next((path for path in common if films[path].film.label != by_path[0][path].film.label), None)
        if other is not None:
            raise RequestError(
                f"{other}: labelled {by_path[0][other].film.label} for {first.name} and {films[other].film.label} "
                f"for {entry.name}; evaluate both on the same --data"
            )
    readable = [path for path in by_path[0] if not any(films[path].error for films in by_path)]
    if not readable:
        raise RequestError("no labelled film could be read by all of them, so there is nothing to compare")
    return [[films[path] for path in readable] for films in by_path]


def _difference_test(kind: str, test: PairedTest, p_holm: float | None, first: str, second: str) -> DifferenceTest:
    value, higher = test.difference.value, None
    if value is None or p_holm is None:
        says = "cannot be tested on these films"
    elif not (PairedTest(test.difference, p_holm).shows_difference and value):
        says = "no difference shown"
    else:
        higher = first if value > 0 else second
        says = f"{first} is {'better' if (kind in _LOWER_IS_BETTER) != (higher == first) else 'worse'}"
    return DifferenceTest(test.difference, test.p, p_holm, higher, says)


def _notes(entries: Sequence[Entry], labels: NDArray[np.intp], patients: list[str]) -> list[str]:
    n, classes = len(labels), entries[0].predictions.classes
    notes = [
        f"Only {count} film{'s' * (count != 1)} labelled {name}: they can only show a large difference."
        for name, count in zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True)
        if count < FEW_FILMS
    ]
    labelled = sum(bool(row.film.label) for row in entries[0].predictions)
    if labelled > n:
        failed = "1 film" if labelled - n == 1 else f"{labelled - n} films"
        notes.append(f"{failed} could not be read by all of them, and no figure counts such films.")
    if unknown := patients.count(""):
        notes.append(
            f"The patients of {unknown} films are unknown: if some have several films, p-values are too small."
        )
    notes.append(
        "“No difference shown” does not mean “the same”: more films might show a difference within the interval."
    )
    return notes
