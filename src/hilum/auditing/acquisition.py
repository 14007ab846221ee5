"""Groups of films that were taken alike, found in the pixels alone: for leaving one acquisition out.

No table of a collection says which machine took a film. So films are described by grey levels, sharpness, framing and
letters (`acquisition_facts`), each fact is scaled by its median and interquartile range, and k-means (Lloyd, IEEE
Trans. Information Theory 28, 1982) makes groups of them. What a disease does to a film's grey levels is in these
facts as well: a group is a guess at an acquisition, not a record of one.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.auditing.acquisition_facts import FAMILIES, AcquisitionFact, acquisition_facts
from hilum.errors import LayoutError
from hilum.films.split import inseparable
from hilum.films.wording import count, say
from hilum.pixels import decode
from hilum.progress import track
from hilum.records import Film
from hilum.workers import map_in_order

logger = logging.getLogger("hilum")

Floats = NDArray[np.float64]
Facts = dict[str, float]

FEWEST_OF_A_CLASS = 20  # films in a group: with 20, a sensitivity of 90% is known to about ±13 points
_CLIP = 3.0  # interquartile deviations: one odd film must not make a group
_DEVIATION = 1.349  # interquartile ranges of a normal distribution in one standard deviation
_NAMED = 3  # facts that describe a group


@dataclass(frozen=True, slots=True)
class AcquisitionGroups:
    """Films in groups that were taken alike, the largest group first.

    Attributes:
        group_of: the number of each film's group, from 0, by the film's path.
        descriptions: for each group what sets its films apart from all others, in words.
    """

    group_of: dict[str, int]
    descriptions: tuple[str, ...]


def acquisition_groups(
    films: Sequence[Film],
    number: int,
    seed: int = 0,
    fewest: int = FEWEST_OF_A_CLASS,
    described: Mapping[str, Facts] | None = None,
) -> AcquisitionGroups:
    """Put labelled films into groups that were taken alike. The same films give the same groups, in any order.

    Films of one patient, and films with the same bytes, share the group that most of them are in. A group with too
    few films of a class joins the group that it resembles most, and the log says so.

    Args:
        films: with their labels.
        number: of groups, at most.
        seed: of k-means.
        fewest: films of each class that a group has to hold.
        described: `acquisition_facts` of each film by its path, where they are known; None decodes the films.

    Raises:
        FilmError: a film cannot be read.
        LayoutError: fewer than two groups are left.
    """
    ordered = sorted(films, key=lambda film: (film.sha256, film.path))
    facts = _described(ordered) if described is None else [described[film.path] for film in ordered]
    places = scaled(facts)
    group_of = _together(ordered, _clusters(places, number, seed))
    group_of = _joined(group_of, places, [film.label for film in ordered], fewest)
    sizes = Counter(group_of.tolist())
    ranks = sorted(sizes, key=lambda group: (-sizes[group], int(np.argmax(group_of == group))))
    if len(ranks) < 2:
        raise LayoutError(
            f"{count(len(ordered), 'film')} do not make two groups by acquisition with {fewest} films of each class; "
            "cut by patient instead: members.folds_by=patient"
        )
    if len(ranks) < number:
        logger.info(
            f"note: {count(len(ranks), 'acquisition group')} instead of {number}: each needs {fewest} films of every "
            "class, and smaller ones joined the group that they resemble most"
        )
    return AcquisitionGroups(
        {film.path: ranks.index(group) for film, group in zip(ordered, group_of.tolist(), strict=True)},
        tuple(_in_words(places, group_of == group) for group in ranks),
    )


def scaled(facts: Sequence[Facts]) -> Floats:
    """Each fact about its median in units of its spread, clipped; each family's facts share one weight.

    The spread is what the interquartile range says of a normal distribution's deviation; where that is zero, since
    most films have no letters or borders, it is the deviation itself. A fact that is the same in all films is 0.
    """
    columns = []
    for family in FAMILIES.values():
        values = np.array([[film[fact.name] for fact in family] for film in facts], dtype=np.float64)
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
        spread = np.where(high - low > 0, (high - low) / _DEVIATION, values.std(axis=0))
        away = (values - middle) / np.where(spread > 0, spread, 1)
        columns.append(np.clip(away, -_CLIP, _CLIP) / np.sqrt(len(family)))
    return np.hstack(columns)


def _described(films: Sequence[Film]) -> list[Facts]:
    def facts_of(film: Film) -> Facts:
        return acquisition_facts(decode(film.path, expected_sha256=film.sha256))

    with closing(map_in_order(facts_of, films)) as facts:
        return list(track(facts, "comparing acquisitions", len(films)))


def _clusters(places: Floats, number: int, seed: int) -> NDArray[np.intp]:
    from sklearn.cluster import KMeans

    distinct = len(np.unique(places, axis=0))
    found = KMeans(min(number, distinct), n_init=10, random_state=seed).fit_predict(places)
    return np.asarray(found, dtype=np.intp)


def _together(films: Sequence[Film], group_of: NDArray[np.intp]) -> NDArray[np.intp]:
    """The same groups with each patient's films in the one that holds most of them; the first among equals."""
    place_of = {film.path: place for place, film in enumerate(films)}
    result = group_of.copy()
    for kept in inseparable(films, "patient" if all(film.patient for film in films) else "film"):
        places = [place_of[film.path] for film in kept]
        tally = Counter(group_of[places].tolist())
        result[places] = min(tally, key=lambda group: (-tally[group], group))
    return result


def _joined(group_of: NDArray[np.intp], places: Floats, labels: Sequence[str], fewest: int) -> NDArray[np.intp]:
    """The same groups, those with too few films of a class joined to the nearest other, the smallest first."""
    classes, of_class = np.unique(labels, return_inverse=True)
    result = group_of.copy()
    while True:
        groups = np.unique(result)
        held = {group: int(np.bincount(of_class[result == group], minlength=len(classes)).min()) for group in groups}
        smallest = min(groups, key=lambda group: (held[group], group))
        if len(groups) < 2 or held[smallest] >= fewest:
            return result
        middles = {group: places[result == group].mean(axis=0) for group in groups}
        others = [group for group in groups if group != smallest]
        nearest = min(others, key=lambda group: float(np.linalg.norm(middles[group] - middles[smallest])))
        result[result == smallest] = nearest


def _in_words(places: Floats, inside: NDArray[np.bool_]) -> str:
    """What sets some films apart from the others: the facts whose means differ most, each said once."""
    facts: list[AcquisitionFact] = [fact for family in FAMILIES.values() for fact in family]
    weights = np.concatenate([np.full(len(family), np.sqrt(len(family))) for family in FAMILIES.values()])
    differences = (places[inside].mean(axis=0) - places[~inside].mean(axis=0)) * weights
    words: list[str] = []
    for place in np.argsort(-np.abs(differences), kind="stable"):
        word = facts[place].more if differences[place] > 0 else facts[place].less
        if word not in words:
            words.append(word)
    return say(", ".join(words[:_NAMED]))
