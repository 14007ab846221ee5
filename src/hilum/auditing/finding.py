"""What an audit has to say, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # worst first
EACH = 5  # findings of one kind that are told one by one


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a set of films, or worth knowing about it.

    Attributes:
        kind: what it is, as a program asks for it: `near_duplicate`, `shortcut`, ….
        severity: `error`: no figure from these films can be believed before it is mended; `warning`: a person has to
            look; `note`: good to know.
        sentence: what, where and how to mend it, in one line.
        films: the paths of all films that it is about, in the manifest's order; of a pair, the pair.
    """

    kind: str
    severity: Severity
    sentence: str
    films: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return asdict(self)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity; within one, in the order in which the checks were made."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def sentences(findings: Iterable[Finding], severity: Severity) -> list[str]:
    """What a person reads of one severity: of each kind the first few, and how many more there are."""
    chosen = [finding for finding in findings if finding.severity == severity]
    seen: Counter[str] = Counter()
    lines = []
    for finding in chosen:
        seen[finding.kind] += 1
        if seen[finding.kind] <= EACH:
            lines.append(finding.sentence)
    for kind, number in seen.items():
        if number > EACH:
            lines.append(f"{number - EACH:,} more of the kind {kind}; audit.json names every one")
    return lines
