"""Films whose lungs are not found, or do not lie as they should, as the lung network sees them film by film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hilum.auditing.finding import Finding
from hilum.films.wording import count, listed
from hilum.lungs import Lungs
from hilum.lungs.found import CUT_OFF, ONE_LUNG


class LungsSeen(NamedTuple):
    """What was found of a film's lungs.

    Attributes:
        reason: why none were found; empty where they were.
        remarks: what is unusual about how they lie, in words.
        rotation: by how many degrees clockwise the film seems to be rotated.
    """

    reason: str
    remarks: tuple[str, ...]
    rotation: int


def seen_of(found: Lungs) -> LungsSeen:
    """What is kept of a film's lungs: everything but the outline."""
    return LungsSeen(found.reason, found.remarks, found.rotation)


def turned(seen: Sequence[LungsSeen]) -> dict[str, list[int]]:
    """The numbers of the films that seem rotated, by the words for it, as `outliers.find_outliers` names them."""
    found: dict[str, list[int]] = {}
    for number, film in enumerate(seen):
        if film.rotation and film.remarks:
            found.setdefault(film.remarks[0], []).append(number)
    return found


def findings_of(seen: Sequence[LungsSeen], paths: Sequence[str]) -> list[Finding]:
    """A line for each kind, with the share of the films.

    Args:
        seen: of each film.
        paths: their names.
    """
    lines: list[Finding] = []
    none = [path for film, path in zip(seen, paths, strict=True) if film.reason]
    if none:
        lines.append(
            Finding(
                "no_lungs",
                "warning",
                f"no lungs were found in {_share(none, seen)}: {listed(none)}; look at them (hilum lungs FILM --out "
                "PNG), and remove what is no frontal chest film",
                tuple(none),
            )
        )
    for kind, begins, problem in (
        ("lung_cut_off", CUT_OFF, "a lung is cut off at the border of"),
        ("one_lung", ONE_LUNG, "only one lung was found in"),
    ):
        odd = [
            path
            for film, path in zip(seen, paths, strict=True)
            if any(remark.startswith(begins) for remark in film.remarks)
        ]
        if odd:
            words = f"{problem} {_share(odd, seen)}: {listed(odd)}; hilum lungs FILM --out PNG draws what was found"
            lines.append(Finding(kind, "note", words, tuple(odd)))
    return lines


def _share(films: Sequence[str], of: Sequence[object]) -> str:
    return f"{count(len(films), 'film')} ({len(films) / len(of):.0%})"
