"""What a look over time says, in whole sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hilum.monitoring.confidence_sequences import LEVEL
from hilum.monitoring.time_record import Agreement, DetectorInUse, ScorePath
from hilum.records import Figure

ALARM = math.log10(1 / LEVEL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a look over time says.

    Attributes:
        state: `changed` where something is not as expected, `as expected`, or `not known` where too little is there.
        sentence: what, in whole sentences.
    """

    state: Literal["changed", "as expected", "not known"]
    sentence: str


def statements(detector: DetectorInUse) -> tuple[Statement, ...]:
    """What is to be said first of a detector: the gate, the scores, and readers."""
    return (_gate(detector), _scores(detector), *(_readers(each) for each in detector.agreement if each.read))


def percent(share: float | None) -> str:
    """A share in per cent, to one digit where it is small.

    >>> percent(0.0123), percent(0.874), percent(1.0), percent(None)
    ('1.2%', '87%', '100%', 'not defined')
    """
    if share is None:
        return "not defined"
    return f"{100 * share:.1f}%" if 0 < share < 0.0995 else f"{100 * share:.0f}%"


def percents(figure: Figure) -> str:
    """A share with its interval.

    >>> percents(Figure(0.5, 0.41, 0.594))
    '50% (41% to 59%)'
    """
    if figure.value is None or figure.low is None:
        return percent(figure.value)
    return f"{percent(figure.value)} ({percent(figure.low)} to {percent(figure.high)})"


def class_in_words(name: str) -> str:
    """A class inside a sentence.

    >>> class_in_words("PNEUMONIA"), class_in_words("Covid")
    ('pneumonia', 'Covid')
    """
    plain = name.replace("_", " ")
    return plain.lower() if plain.isupper() else plain


def first_alarm(scores: ScorePath, path: tuple[float, ...]) -> str:
    """When the evidence first reached an alarm, as `12 May 2026, after 143 films`; empty where it never has."""
    reached = next((number for number, value in enumerate(path) if value >= ALARM), None)
    if reached is None:
        return ""
    return f"{scores.at[reached]:%-d %B %Y}, after {scores.films[reached]:,} films"


def _gate(detector: DetectorInUse) -> Statement:
    share, expected = detector.not_judged.last, detector.not_judged.expected
    found = f"{percents(share)} of the patients' first films were not judged"
    if expected is None:
        return Statement(
            "not known", f"{found}. How many to expect is not known: the bundle was not opened here, or has no gate."
        )
    of_kind = f"of films like those that the detector learnt from, the gate stops {percent(expected)}"
    if detector.not_judged.is_above:
        return Statement("changed", f"{found}; {of_kind}. That is more than chance; the reasons are below.")
    return Statement("as expected", f"{found}; {of_kind}. That is no more than chance allows.")


def _scores(detector: DetectorInUse) -> Statement:
    scores = detector.scores
    if scores is None:
        return Statement("not known", f"Scores are not compared with validation's: {detector.why_no_scores}.")
    positive = class_in_words(detector.classes[-1])
    if beyond := first_alarm(scores, scores.beyond):
        return Statement(
            "changed",
            f"Scores are not like those of validation, and no mix of its classes explains them (since {beyond}). "
            "Films, machine, processing or patients have changed: neither probabilities nor the threshold can be "
            "relied on.",
        )
    if changed := first_alarm(scores, scores.changed):
        return Statement(
            "changed",
            f"Scores are not like those of validation (since {changed}). Another share of {positive} would explain "
            f"them: about {percent(scores.mix[-1])}. So might other changes; verdicts tell them apart.",
        )
    return Statement(
        "as expected", f"Scores of {scores.films[-1]:,} patients' first films are like those of validation, so far."
    )


def _readers(found: Agreement) -> Statement:
    who = "who had not seen the answer" if found.unaided else "who had seen the answer"
    compared = sum(films for _, films, _ in found.by_answer)
    if not compared:
        return Statement("not known", f"Readers {who} have named a class for no film that was answered by one.")
    state: Literal["as expected", "not known"] = "not known"
    return Statement(state, f"Readers {who} agree with {percents(found.agreed)} of {compared:,} answers.")
