"""What speaks against an answer to a film, whatever its probabilities are: the gate, its lungs, its quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hilum.pixels import Square
from hilum.records import Film

if TYPE_CHECKING:
    from hilum.gate import Gate

_ADAPT_FIRST = "the detector is not sure of such films until it is adapted to them (hilum adapt): this one "


class Checked(NamedTuple):
    """What speaks against an answer to one film.

    Attributes:
        flags: why, in words; the first is the answer's reason.
        stopped: why it is not judged, and an age that says it more closely; empty where it is.
        unsure: why it is judged and yet not answered, as the beginning of a sentence.
    """

    flags: tuple[str, ...] = ()
    stopped: str = ""
    unsure: str = ""


def check(gate: Gate | None, films: list[tuple[Film, Square]], *, smoothed: bool) -> list[Checked]:
    """What speaks against an answer to each film, in the order of the questions.

    What it is comes before whether it is of the kind that the detector learnt from: a picture without lungs is not an
    adult's chest. Of a frontal chest film of another look a detector is not sure: the lungs were found, it lies
    upright, and it does not look like an adult's. Without a lung network nobody knows that: it is not judged.
    Whether a film is good enough is asked last, of what is judged, where it is known where the lungs are.

    Args:
        gate: the detector's; None where it has none. OpenCV is imported only where there is a gate, or lungs.
        films: which they are, and what was read of them.
        smoothed: whether the detector's films are denoised.
    """
    reasons = _reasons(gate, films) if gate is not None and films else [("", "")] * len(films)
    return [_of_one(square, *reason, smoothed) for (_, square), reason in zip(films, reasons, strict=True)]


def _reasons(gate: Gate, films: list[tuple[Film, Square]]) -> list[tuple[str, str]]:
    """Why the gate does not let each film pass, or "", and an age in words where it is that."""
    from hilum.gate import check_films, reason_with_age

    verdicts = check_films(gate, [square.seen(gate.of_whole) for _, square in films])
    return [
        reason_with_age(gate, reason, square.header.age, film.age)
        for reason, (film, square) in zip(verdicts.reasons, films, strict=True)
    ]


def _of_one(square: Square, reason: str, age: str, smoothed: bool) -> Checked:
    """All that speaks against an answer to one film, from why the gate does not let it pass."""
    if square.lungs is not None and not square.doubt:
        from hilum.gate import Reason, fault_of

        if reason in (Reason.PASSED, Reason.UNLIKE):
            fault = fault_of(square.levels, square.lungs, smoothed=smoothed) or ""
            flags = tuple(str(flag) for flag in (reason, fault) if flag)
            return Checked(flags, unsure=_ADAPT_FIRST + reason if reason else f"it {fault}" if fault else "")
    of_kind = False
    if reason:
        from hilum.gate import OF_KIND

        of_kind = reason in OF_KIND
    in_order = (square.doubt, reason) if of_kind else (reason, square.doubt)
    flags = tuple(str(flag) for flag in in_order if flag)
    first = "".join(flags[:1])
    return Checked(flags, f"{first}: {age}" if age and first == reason else first)
