"""The files of a folder that are not taken as films: counted, with the reason, and never silent."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

from hilum.films.wording import count, listed, say

_SYSTEM = "of the system or hidden"


@dataclass(slots=True)
class SkippedFiles:
    """The files that are not films, each with the reason; a file that is met twice is counted once."""

    other: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)
    misnamed: dict[str, str] = field(default_factory=dict)
    system: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, path: str, reason: str = "", example: str = "") -> None:
        """Count one file.

        Args:
            path: the file.
            reason: why it is not a film, in words; without one it is counted by its extension.
            example: what to show for it instead of its name.
        """
        if reason:
            self.reasons.setdefault(reason, {})[path] = example or os.path.basename(path)
        else:
            self.other[path] = os.path.splitext(path)[1].lower() or "no extension"

    def add_system(self, path: str, name: str, folder: bool) -> None:
        """Count a file of the system, or all files in a folder of the system, without looking at them."""
        if path not in self.system:
            files = sum(len(names) for _, _, names in os.walk(path)) if folder and not os.path.islink(path) else 1
            self.system[path] = (name, max(1, files))

    def add_misnamed(self, path: str, kind: str) -> None:
        """Note a file that is called a film and has other bytes; it stays a film, which nothing can read."""
        self.misnamed[path] = kind

    def outside(self, folder: str) -> SkippedFiles:
        """Those that do not lie below a folder."""
        start = os.path.join(folder, "")
        return SkippedFiles(
            {path: kind for path, kind in self.other.items() if not path.startswith(start)},
            {
                reason: rest
                for reason, files in self.reasons.items()
                if (rest := {path: shown for path, shown in files.items() if not path.startswith(start)})
            },
            {path: kind for path, kind in self.misnamed.items() if not path.startswith(start)},
            {path: found for path, found in self.system.items() if not path.startswith(start)},
        )

    def notes(self, source: str) -> tuple[str, ...]:
        """A note for each reason, if there are any."""
        notes = []
        if self.other:
            total = len(self.other)
            notes.append(
                f"{say(source)}: {count(total, 'file')} skipped, of no kind that is read "
                f"({_numbers(Counter(self.other.values()))})"
            )
        for reason, files in self.reasons.items():
            examples = dict.fromkeys(files.values())
            notes.append(f"{say(source)}: {count(len(files), 'file')} left out, {reason} ({listed(examples)})")
        if self.system:
            numbers: Counter[str] = Counter()
            for name, number in self.system.values():
                numbers[name] += number
            notes.append(f"{say(source)}: {count(numbers.total(), 'file')} left out, {_SYSTEM} ({_numbers(numbers)})")
        if self.misnamed:
            named = listed(f"{os.path.basename(path)}: {kind}" for path, kind in self.misnamed.items())
            have = (
                "has the name of a film and other bytes"
                if len(self.misnamed) == 1
                else ("have names of films and other bytes")
            )
            notes.append(f"{say(source)}: {count(len(self.misnamed), 'file')} {have}, which cannot be read ({named})")
        return tuple(notes)


def _numbers(counts: Counter[str]) -> str:
    return ", ".join(f"{say(kind)}: {number}" for kind, number in sorted(counts.items()))
