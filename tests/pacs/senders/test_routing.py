"""Routes: the first that fits a film is taken, and without any results go everywhere."""

from __future__ import annotations

import pytest

from hilum.pacs.records import FilmFacts
from hilum.pacs.senders.routing import destinations_of
from hilum.pacs.settings import Destination, Route

DESTINATIONS = tuple(Destination(name=name, kind="c-store") for name in ("archive", "children", "research"))


def names(routes: list[Route], source: str = "XRAY1", **facts: str) -> list[str]:
    return [each.name for each in destinations_of(routes, DESTINATIONS, FilmFacts(**facts), source)]  # type: ignore[arg-type]


def test_without_routes_results_go_everywhere() -> None:
    assert names([]) == ["archive", "children", "research"]


def test_the_first_route_that_fits_is_taken_and_a_film_that_none_fits_goes_nowhere() -> None:
    routes = [Route(to=("archive",), callers=("XRAY1",)), Route(to=("research", "archive"), stations=("ROOM2",))]
    assert names(routes, "XRAY1", station="ROOM2") == ["archive"]
    assert names(routes, "XRAY2", station="ROOM2") == ["archive", "research"]
    assert names(routes, "XRAY2", station="room2") == []
    assert names([Route(to=()), Route(to=("archive",))]) == []


def test_spaces_around_titles_and_stations_mean_nothing() -> None:
    assert names([Route(to=("archive",), callers=("XRAY1 ",), stations=("ROOM2",))], " XRAY1", station="ROOM2 ")


def test_a_route_asks_for_all_that_it_names() -> None:
    route = Route(to=("archive",), callers=("XRAY1",), stations=("ROOM2",), age_from=18)
    assert names([route], "XRAY1", station="ROOM2", age="018Y") == ["archive"]
    for source, station, age in (("X", "ROOM2", "018Y"), ("XRAY1", "X", "018Y"), ("XRAY1", "ROOM2", "017Y")):
        assert names([route], source, station=station, age=age) == []


@pytest.mark.parametrize(
    ("age", "children"),
    [
        ("012D", True),
        ("003W", True),
        ("018M", True),
        ("004Y", True),
        ("023M", True),
        ("017Y", True),
        ("018Y", False),
        ("216M", False),  # 18 years
        ("215M", True),
        ("099Y", False),
        ("4", True),  # as the gate reads it, too
        ("040", False),
    ],
)
def test_ages_are_compared_in_years(age: str, children: bool) -> None:
    routes = [Route(to=("children",), age_below=18), Route(to=("archive",), age_from=18)]
    assert names(routes, age=age) == (["children"] if children else ["archive"])


@pytest.mark.parametrize("age", ["", "Y", "-04Y", "unknown"])
def test_who_has_no_age_fits_no_route_that_asks_for_one(age: str) -> None:
    routes = [Route(to=("children",), age_below=18), Route(to=("archive",), age_from=0), Route(to=("research",))]
    assert names(routes, age=age) == ["research"]
