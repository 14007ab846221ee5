"""What the page says of an answer: one word, one bar, whole sentences, and no more digits than an answer has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from hilum.records import NOT_JUDGED
from hilum.store import StoredPrediction, Verdict

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A probability beside the threshold.

    Attributes:
        prob: in whole per cent, 0 to 100, as it is drawn.
        threshold: likewise; None where there is none.
        sentence: both, as a sentence.
    """

    prob: int
    threshold: int | None
    sentence: str


def class_word(name: str) -> str:
    """A class as a word in a sentence's place.

    >>> class_word("PNEUMONIA"), class_word("not sure")
    ('Pneumonia', 'Not sure')
    """
    plain = name.replace("_", " ")
    return (plain.lower() if plain.isupper() else plain)[:1].upper() + (plain.lower() if plain.isupper() else plain)[
        1:
    ]


def share(prob: float) -> str:
    """A probability in words: whole per cent, and no certainty.

    >>> share(0.997), share(0.004), share(0.618)
    ('over 99%', 'under 1%', '62%')
    """
    if prob > 0.99:
        return "over 99%"
    return "under 1%" if prob < 0.01 else f"{100 * prob:.0f}%"


def bar_of(stored: StoredPrediction) -> Bar | None:
    """The positive class's probability beside the threshold; None where it would mean nothing."""
    if stored.row.answer == NOT_JUDGED or not stored.row.probs:
        return None
    prob, name = stored.row.probs[-1], class_word(stored.classes[-1]).lower()
    sentence = f"Probability of {name} {share(prob)}"
    threshold = None if stored.threshold is None else round(100 * stored.threshold)
    if stored.threshold is not None:
        side = "at or above" if prob >= stored.threshold else "below"
        sentence += f", {side} the threshold of {share(stored.threshold)}"
    return Bar(round(100 * prob), threshold, f"{sentence}.")


def age_of(written: str) -> str:
    """A DICOM age in words.

    >>> age_of("034Y"), age_of("001M"), age_of("old")
    ('34 years', '1 month', '')
    """
    match = _AGE.fullmatch(written.strip().upper())
    if not match:
        return ""
    number, unit = int(match[1]), _UNITS[match[2]]
    return f"{number} {unit}{'' if number == 1 else 's'}"


def is_adult(written: str) -> bool:
    """Whether a DICOM age is that of a grown-up person."""
    match = _AGE.fullmatch(written.strip().upper())
    return bool(match) and match is not None and match[2] == "Y" and int(match[1]) >= 18


def facts_of(stored: StoredPrediction, learnt: str) -> list[tuple[str, str, str]]:
    """What is known of a film, each with what to mind about it: name, value, remark."""
    row, film = stored.row, stored.row.film
    children = "child" in learnt.lower()
    remark = "learnt from children alone" if children and is_adult(film.age) else ""
    facts = [("Age", age_of(film.age) or "not known", remark)]
    lateral = film.view in ("LL", "RL", "LATERAL")
    facts.append(("View", film.view or "not known", "learnt from frontal films alone" if lateral else ""))
    if row.shape[0]:
        facts.append(("Size", f"{row.shape[1]:,} × {row.shape[0]:,} pixels", ""))
    facts.append(("Received", when(stored.created), ""))
    if stored.has_film:
        until = f"until {when(stored.film_until)}" if stored.film_until else "until it is erased"
        facts.append(("Kept", until, ""))
    return facts


def verdict_line(verdict: Verdict | None) -> str:
    """A verdict as a line; empty where there is none."""
    if verdict is None:
        return ""
    done = {"accept": "accepted", "reject": "rejected", "modify": f"modified to {class_word(verdict.label)}"}
    label = f" (seen: {class_word(verdict.label)})" if verdict.label and verdict.decision != "modify" else ""
    return done[verdict.decision] + label + (", before the answer was shown" if verdict.unaided else "")


def when(moment: datetime | None) -> str:
    """A time, in UTC, for a person."""
    return f"{moment:%d %b %Y, %H:%M} UTC" if moment else ""
