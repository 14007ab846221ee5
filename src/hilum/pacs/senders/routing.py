"""Which destinations a film's results go to."""

from __future__ import annotations

from collections.abc import Sequence

from hilum.pacs.records import FilmFacts
from hilum.pacs.settings import Destination, Route
from hilum.records.ages import years_of


def ask_the_film(routes: Sequence[Route]) -> bool:
    """Whether any route names what only the film itself says: its station, its patient's age."""
    return any(each.stations or each.age_from is not None or each.age_below is not None for each in routes)


def destinations_of(
    routes: Sequence[Route], destinations: Sequence[Destination], facts: FilmFacts, source: str
) -> tuple[Destination, ...]:
    """The destinations of the first route that fits a film; without any route all of them.

    A film that no route fits goes nowhere. Titles and stations are compared without the spaces around them, which
    mean nothing (PS3.5 section 6.2).

    Args:
        routes: in the order of the settings.
        destinations: likewise.
        facts: of the film.
        source: the calling AE title, or the name of the source.

    Returns:
        Destinations in the order of the settings.
    """
    if not routes:
        return tuple(destinations)
    age = years_of(facts.age)
    for route in routes:
        if _fits(route, facts.station.strip(), source.strip(), age):
            return tuple(each for each in destinations if each.name in route.to)
    return ()


def _fits(route: Route, station: str, source: str, age: float | None) -> bool:
    if route.callers and source not in {each.strip() for each in route.callers}:
        return False
    if route.stations and station not in {each.strip() for each in route.stations}:
        return False
    if route.age_from is None and route.age_below is None:
        return True
    if age is None:
        return False
    return (route.age_from is None or age >= route.age_from) and (route.age_below is None or age < route.age_below)
