"""What the page says of an answer: one word, one bar, whole sentences, and no more digits than an answer has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hilum.records import NOT_JUDGED, NOT_SURE
from hilum.store import StoredPrediction, Verdict

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_LATERAL = ("LL", "RL", "LATERAL")
_UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of a film.

    Attributes:
        name: of what is known.
        value: as it is shown.
        reference: what the detector learnt from.
        is_doubt: whether the film is none of those.
    """

    name: str
    value: str
    reference: str = ""
    is_doubt: bool = False


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
    words = plain.lower() if plain.isupper() else plain
    return words[:1].upper() + words[1:]


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


def facts_of(stored: StoredPrediction, learnt: str) -> list[Fact]:
    """Age and view of a film, against what its detector learnt from.

    Args:
        stored: the answer to the film.
        learnt: of the detector, as `hilum.service.present.learnt_from` says it.
    """
    film = stored.row.film
    children, lateral = "child" in learnt.lower(), film.view in _LATERAL
    of_age = "learnt from children alone" if children else ""
    return [
        Fact("Age", age_of(film.age) or "not known", of_age, is_doubt=children and is_adult(film.age)),
        Fact("View", film.view or "not known", "learnt from frontal films alone", is_doubt=lateral),
    ]


def kept_facts_of(stored: StoredPrediction) -> list[Fact]:
    """A film's size, and how long it is here."""
    facts = [Fact("Received", when(stored.created))]
    if stored.row.shape[0]:
        facts.insert(0, Fact("Size", f"{stored.row.shape[1]:,} × {stored.row.shape[0]:,} pixels"))
    if stored.has_film:
        facts.append(Fact("Kept", f"until {when(stored.film_until)}" if stored.film_until else "until it is erased"))
    return facts


def in_words(sentence: str, classes: Sequence[str]) -> str:
    """A sentence with classes as words in it.

    >>> in_words("Both NORMAL and PNEUMONIA are plausible.", ("NORMAL", "PNEUMONIA"))
    'Both normal and pneumonia are plausible.'
    """
    for name in sorted(classes, key=len, reverse=True):
        sentence = re.sub(rf"\b{re.escape(name)}\b", class_word(name).lower(), sentence)
    return sentence


def wait_of(wait: timedelta) -> str:
    """How long a film has waited, in the largest unit that it fills.

    >>> wait_of(timedelta(minutes=125)), wait_of(timedelta(seconds=5)), wait_of(timedelta(days=1, hours=9))
    ('2 hours', 'less than a minute', '1 day')
    """
    minutes = int(wait.total_seconds() // 60)
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= length:
            number = minutes // length
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "less than a minute"


def verdict_line(verdict: Verdict | None, answer: str) -> str:
    """A verdict as a sentence; empty where there is none.

    Args:
        verdict: a reader's.
        answer: the detector's.
    """
    if verdict is None:
        return ""
    read = class_word(verdict.label).lower() if verdict.label else ""
    if verdict.unaided:
        read_as = f"Read as {read}" if read else "You could not tell"
        heard = "agrees" if verdict.label == answer else f"answers {class_word(answer).lower()}"
        return (
            f"{read_as} before the answer was shown; the detector {'is not sure' if answer == NOT_SURE else heard}."
        )
    if verdict.decision == "modify":
        return f"Modified to {read}."
    return "Accepted." if verdict.decision == "accept" else "Rejected."


def verdict_words(verdict: Verdict | None) -> str:
    """A verdict in a few words, for a list; empty where there is none."""
    if verdict is None:
        return ""
    if verdict.unaided:
        return f"Read first: {class_word(verdict.label).lower()}" if verdict.label else "Read first: cannot tell"
    modified = f"Modified: {class_word(verdict.label).lower()}"
    return {"accept": "Accepted", "reject": "Rejected", "modify": modified}[verdict.decision]


def when(moment: datetime | None) -> str:
    """A time, in UTC, for a person."""
    return f"{moment:%d %b %Y, %H:%M} UTC" if moment else ""
