"""What is known of the age of whoever a film shows, for a detector that was made for children."""

from __future__ import annotations

from hilum.gate.check import Reason
from hilum.gate.gate import Gate
from hilum.records.ages import OLDEST, years_of

ADULT = 18  # years, from which on nobody is a child
_NAMED_UP_TO = 89  # years; few people are older, so that the number alone may tell who it is (45 CFR 164.514)
# These are what a film is, whoever it shows; what else the gate may say, an age says better.
_WHAT_AN_AGE_EXPLAINS = frozenset({Reason.PASSED, Reason.ADULT, Reason.UNLIKE, Reason.STRANGE})


def reason_with_age(gate: Gate, reason: Reason, header: str = "", table: str = "") -> tuple[Reason, str]:
    """Why a film is stopped once its age is known, and that age in words.

    The gate of a detector that was made for children stops whoever is of 18 years or more, whatever the film looks
    like. An age below lets nothing pass that the gate stopped; but a child's film that looks like an adult's is one
    of another hospital, since the gate tells adults and hospitals by the same films. The gate of any other detector
    takes no notice.

    Args:
        gate: which checked the film.
        reason: why it does not pass, by what it looks like; `Reason.PASSED` if it does.
        header: the age in the film's own header, as it is written there; empty where there is none.
        table: the age in the table that lists the film, likewise.

    Returns:
        The reason, and `54 years` where it comes from an age, else "". Above 89 it is only said that it is above.
    """
    if gate.adults is None or reason not in _WHAT_AN_AGE_EXPLAINS:
        return reason, ""
    known = [(years_of(header), Reason.ADULT_BY_HEADER), (years_of(table), Reason.ADULT_BY_TABLE)]
    for years, says in known:
        if years is not None and ADULT <= years <= OLDEST:
            return says, f"{int(years)} years" if years <= _NAMED_UP_TO else f"more than {_NAMED_UP_TO} years"
    of_child = any(years is not None and years < ADULT for years, _ in known)
    return (Reason.UNLIKE if of_child and reason == Reason.ADULT else reason), ""
