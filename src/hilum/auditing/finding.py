"""The findings of an audit, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # worst first
HEADINGS: dict[Severity, str] = {"error": "To fix first", "warning": "To look at", "note": "Good to know"}
EACH = 5  # findings of one kind that are listed one by one


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a set of films, or worth knowing about it.

    Attributes:
        kind: what it is, for programs: `near_duplicate`, `shortcut`, ….
        severity: `error`: no figure from these films can be trusted before it is fixed; `warning`: a person has to
            look at it; `note`: good to know.
        sentence: what, where and how to fix it, in one line.
        films: the paths of all films that it is about, in the manifest's order; of a pair, the pair.
    """

    kind: str
    severity: Severity
    sentence: str
    films: tuple[str, ...] = ()


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity; within one, in the order in which the checks were made."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def sentences(findings: Iterable[Finding], severity: Severity) -> list[str]:
    """The sentences of one severity: the first few of each kind, and how many more there are."""
    chosen = [finding for finding in findings if finding.severity == severity]
    seen: Counter[str] = Counter()
    lines = []
    for finding in chosen:
        seen[finding.kind] += 1
        if seen[finding.kind] <= EACH:
            lines.append(finding.sentence)
    for kind, number in seen.items():
        if number > EACH:
            lines.append(f"{number - EACH:,} more of the kind {kind}; audit.json lists all of them")
    return lines
