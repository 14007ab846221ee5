"""The figures of explanations as `explain.json` holds them; these structs are its schema."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import UNSET, Struct, UnsetType

from hilum.explanation.explanation import Explanation
from hilum.explanation.faithfulness import FaithfulnessCurve


class LungShare(Struct, frozen=True):
    """What of a heat map lies inside the lungs.

    Attributes:
        inside: the share of what speaks for the class that lies inside the lungs, 0 to 1; null if undefined.
        chance: the share of the film that the lungs take, 0 to 1; null if no lungs were found.
        quality: the probability that this is a frontal chest film, 0 to 1; 1 where the film was cropped to its lungs.
            In files of 0.2.0 and before: how well an average film fitted it, at most 1, or null.
        from_prior: false. In files of 0.2.0 and before: whether the outline of a lung was the average one.
        reason: why no lungs were found; empty otherwise.
    """

    inside: float | None
    chance: float | None
    quality: float | None
    from_prior: bool
    reason: str


class CurveRecord(Struct, frozen=True):
    """A deletion or insertion curve.

    Attributes:
        area: the area under the curve, 0 to 1.
        chance: the mean area of random orders.
        probs: the class's probability at 0, 1/32, … 1 of the film's cells.
    """

    area: float
    chance: float
    probs: tuple[float, ...]


class FilmRecord(Struct, frozen=True, rename={"class_name": "class"}):
    """One film; of a film that could not be read, only `path` and `error` are written.

    Attributes:
        path: the film, as the user named it.
        class_name: the class that is explained (`class` in the file).
        prob: the probability of that class, 0 to 1.
        prediction: the class that is predicted.
        picture: the name of the film's PNG.
        flag: why the film is unlike those that the detector was trained on; empty if it is not.
        lungs: what of the heat map lies inside the lungs.
        deletion: the deletion curve.
        insertion: the insertion curve.
        error: why the film could not be read; empty if it could.
        answer: what may be read off: a class, `not sure` or `not judged`.
        why: the reason for it, as one sentence.
    """

    path: str
    class_name: str | UnsetType = UNSET
    prob: float | UnsetType = UNSET
    prediction: str | UnsetType = UNSET
    picture: str | UnsetType = UNSET
    flag: str | UnsetType = UNSET
    lungs: LungShare | UnsetType = UNSET
    deletion: CurveRecord | UnsetType = UNSET
    insertion: CurveRecord | UnsetType = UNSET
    error: str = ""
    answer: str | UnsetType = UNSET
    why: str | UnsetType = UNSET


class LungSummary(Struct, frozen=True):
    """Means of the lung figures over the films that have them; null if none has.

    Attributes:
        n: the number of films with a share inside the lungs.
        inside: the mean share inside the lungs.
        chance: the mean share of the film that the lungs take.
    """

    n: int
    inside: float | None
    chance: float | None


class CurveSummary(Struct, frozen=True):
    """Means of a curve's figures over the films; null if there is no film.

    Attributes:
        area: the mean area under the curves.
        chance: the mean area of random orders.
        better_than_chance: the number of films whose curve is better than that of random orders.
    """

    area: float | None
    chance: float | None
    better_than_chance: int


class SummaryRecord(Struct, frozen=True):
    """All films together.

    Attributes:
        n: the number of films that were explained.
        n_failed: the number of films that could not be read.
        lungs: the mean lung figures.
        deletion: the mean deletion figures.
        insertion: the mean insertion figures.
    """

    n: int
    n_failed: int
    lungs: LungSummary
    deletion: CurveSummary
    insertion: CurveSummary


class RandomisedRecord(Struct, frozen=True):
    """How far heat maps still agree after a part of the network, and all after it, was randomised.

    Attributes:
        part: the part's name.
        correlation: the mean rank correlation, -1 to 1; null if no film has one.
        films: the rank correlation of each film, null if a map is constant.
    """

    part: str
    correlation: float | None
    films: tuple[float | None, ...]


class ExplanationRecord(Struct, frozen=True):
    """What `explain.json` holds.

    Attributes:
        bundle: the name of the detector's recipe.
        method: the attribution method.
        summary: all films together.
        randomised: one entry for each randomised part; empty if that was not asked for.
        films: one entry for each film, in the order given.
    """

    bundle: str
    method: str
    summary: SummaryRecord
    randomised: tuple[RandomisedRecord, ...]
    films: tuple[FilmRecord, ...]


def lung_record(found: Explanation) -> LungShare:
    """An explanation's lung figures."""
    lungs = found.lungs
    return LungShare(found.inside, found.lung_share, lungs.frontal, False, lungs.reason)


def curve_record(curve: FaithfulnessCurve) -> CurveRecord:
    """A curve's figures."""
    return CurveRecord(curve.area, curve.chance, curve.probs)


def summarize(films: Sequence[FilmRecord]) -> SummaryRecord:
    """Means over the films; None for a figure that no film has."""
    lungs = [film.lungs for film in films if isinstance(film.lungs, LungShare)]
    inside = [each for each in lungs if each.inside is not None]
    deletions = [film.deletion for film in films if isinstance(film.deletion, CurveRecord)]
    insertions = [film.insertion for film in films if isinstance(film.insertion, CurveRecord)]
    return SummaryRecord(
        n=len(lungs),
        n_failed=sum(bool(film.error) for film in films),
        lungs=LungSummary(
            len(inside), mean([each.inside for each in inside]), mean([each.chance for each in inside])
        ),
        deletion=_curve_summary(deletions, -1),
        insertion=_curve_summary(insertions, 1),
    )


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are not None; None if there is none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _curve_summary(curves: Sequence[CurveRecord], sign: int) -> CurveSummary:
    gains = [sign * (curve.area - curve.chance) for curve in curves]
    return CurveSummary(
        mean([curve.area for curve in curves]),
        mean([curve.chance for curve in curves]),
        sum(gain > 0 for gain in gains),
    )
