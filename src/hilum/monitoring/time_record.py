"""What a look over time finds, as typed records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from hilum.confidence import ScoreReference
from hilum.monitoring.verification import Accuracies
from hilum.records import Figure


@dataclass(frozen=True, slots=True)
class Expected:
    """What a bundle says of the films that its detector was made for.

    Attributes:
        scores: of validation films; None where the bundle keeps none.
        stopped: the share of such films that the gate stops; None where there is no gate.
    """

    scores: ScoreReference | None = None
    stopped: float | None = None


@dataclass(frozen=True, slots=True)
class DayCount:
    """The films of one day, UTC.

    Attributes:
        day: the date.
        answered: films that were given a class.
        not_sure: films of that answer.
        not_judged: likewise.
    """

    day: date
    answered: int
    not_sure: int
    not_judged: int

    @property
    def films(self) -> int:
        """All of them."""
        return self.answered + self.not_sure + self.not_judged


@dataclass(frozen=True, slots=True)
class SharePath:
    """A share of films, as it was after so many.

    Attributes:
        films: the numbers of films, rising; one of each patient.
        figures: the share after each, with an interval that holds at all looks together.
        expected: the share that the bundle leads one to expect; None where it says nothing.
    """

    films: tuple[int, ...]
    figures: tuple[Figure, ...]
    expected: float | None = None

    @property
    def last(self) -> Figure:
        """The share of all."""
        return self.figures[-1] if self.figures else Figure(None)

    @property
    def is_above(self) -> bool:
        """Whether it is shown to be larger than expected: one of the intervals lies above."""
        return self.expected is not None and any((each.low or 0.0) > self.expected for each in self.figures)


@dataclass(frozen=True, slots=True)
class ScorePath:
    """Scores against validation's, as they were after so many films.

    Attributes:
        films: the numbers of films, rising; one of each patient.
        at: when each was reached.
        changed: decimal logarithm of the evidence that scores are not as in validation.
        beyond: likewise, that no mix of validation's classes explains them.
        edges: between the bins of the score.
        expected: the share of films in each bin in validation.
        found: the share here.
        mix: the share of each class that explains the scores here best.
    """

    films: tuple[int, ...]
    at: tuple[datetime, ...]
    changed: tuple[float, ...]
    beyond: tuple[float, ...]
    edges: tuple[float, ...]
    expected: tuple[float, ...]
    found: tuple[float, ...]
    mix: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """A detector's answers beside readers' verdicts of one kind.

    Attributes:
        unaided: whether the verdicts were given before the answer was shown.
        read: films with such a verdict.
        unlabelled: of them, films whose readers name no class.
        disputed: of them, films whose readers name different classes.
        agreed: of the films that were answered by a class and given one, the share where both are the same.
        by_answer: the same for each answer, with its number of films.
        accuracies: sensitivity and specificity for the last class; None where too few films were read.
    """

    unaided: bool
    read: int
    unlabelled: int
    disputed: int
    agreed: Figure
    by_answer: tuple[tuple[str, int, Figure], ...]
    accuracies: Accuracies | None


@dataclass(frozen=True, slots=True)
class DetectorInUse:
    """One detector over time.

    Attributes:
        model: the name that it was served under last.
        seal: of its bundle.
        classes: of the detector.
        days: every day from the first film to the last, also those without one.
        not_judged: the share of all films.
        not_sure: the share of the films that were judged.
        reasons: why films were not judged, the most frequent first, each with its number of films.
        scores: against validation's; None where that cannot be said.
        why_no_scores: why it cannot; empty where it can.
        agreement: with verdicts before the answer was shown, and after.
    """

    model: str
    seal: str
    classes: tuple[str, ...]
    days: tuple[DayCount, ...]
    not_judged: SharePath
    not_sure: SharePath
    reasons: tuple[tuple[str, int], ...]
    scores: ScorePath | None
    why_no_scores: str
    agreement: tuple[Agreement, Agreement]

    @property
    def films(self) -> int:
        """How many films it was given."""
        return sum(each.films for each in self.days)
