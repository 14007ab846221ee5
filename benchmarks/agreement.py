"""Did validation rank 0.1.0's systems as the official test did? Rank correlations, from the tables of the results.

    python -m benchmarks.agreement

Reads that version's table in `docs/results.md` and `docs/data/official_test_0.1.0.csv`, and prints Kendall's tau and
Spearman's rho over the systems that have both figures, and of how many pairs of systems the order is reversed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from scipy.stats import kendalltau, spearmanr

RESULTS = Path("docs/results.md")
OFFICIAL = Path("docs/data/official_test_0.1.0.csv")
SECTION = "## Version 0.1.0"
# A column of the table of results, and the figure of the official test that it is compared with.
PAIRS = (
    ("validation AUROC", "auroc"),
    ("accuracy", "accuracy"),
    ("validation AUROC", "accuracy"),
    ("new shifts: AUROC", "auroc"),
    ("familiar shifts: AUROC", "auroc"),
    ("familiar shifts: specificity", "specificity"),
)


class Agreement(NamedTuple):
    """How far two figures rank systems alike.

    Attributes:
        systems: how many have both.
        tau: Kendall's tau-b, from -1 (reversed) to 1 (the same order).
        rho: Spearman's rank correlation, from -1 to 1.
        reversed: pairs of systems of which one figure prefers the one, and the other figure the other.
        pairs: of so many.
    """

    systems: int
    tau: float
    rho: float
    reversed: int
    pairs: int


def main() -> None:
    """Print the table of agreements as Markdown."""
    validation = results(RESULTS.read_text("utf-8"))
    official = official_test(OFFICIAL)
    print("| on validation | on the official test | systems | Spearman's rho | Kendall's tau | pairs reversed |")
    print("|---|---|---|---|---|---|")
    for ours, theirs in PAIRS:
        both = [
            (value, float(official[recipe][theirs]))
            for recipe, row in validation.items()
            if recipe in official and (value := leading_number(row[ours])) is not None
        ]
        found = agreement([one for one, _ in both], [other for _, other in both])
        print(
            f"| {ours} | {theirs.replace('auroc', 'AUROC')} | {found.systems} | {found.rho:.2f} | {found.tau:.2f} | "
            f"{found.reversed} of {found.pairs} |"
        )


def results(page: str) -> dict[str, dict[str, str]]:
    """The rows of 0.1.0's table by their recipe; each a column's head to its cell."""
    section = page.partition(f"\n{SECTION}\n")[2]
    lines = [line for line in re.split(r"\n##+ ", section)[0].splitlines() if line.startswith("|")]
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    found: dict[str, dict[str, str]] = {}
    for row in rows[1:]:
        recipe = re.search(r"\(`([\w-]+)`\)", row[1])
        if recipe is not None:
            found[recipe[1]] = dict(zip(head, row, strict=True))
    return found


def official_test(path: Path) -> dict[str, dict[str, str]]:
    """The rows of the official test's file by their recipe."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["recipe"]: row for row in csv.DictReader(file)}


def leading_number(cell: str) -> float | None:
    """The number that a cell begins with; None where nothing was measured."""
    match = re.match(r"\d+[.]\d+", cell)
    return float(match[0]) if match else None


def agreement(one: Sequence[float], other: Sequence[float]) -> Agreement:
    """How far two figures of the same systems, larger is better, rank them alike."""
    pairs = list(combinations(range(len(one)), 2))
    opposed = sum((one[a] - one[b]) * (other[a] - other[b]) < 0 for a, b in pairs)
    return Agreement(
        len(one),
        float(kendalltau(one, other).statistic),
        float(spearmanr(one, other).statistic),
        opposed,
        len(pairs),
    )


if __name__ == "__main__":
    main()
