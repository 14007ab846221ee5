"""What a film was taken of and from which side, by whatever its header says of it."""

from __future__ import annotations

import pytest

from hilum.pacs.projections import is_lateral, other_part
from hilum.pacs.records import FilmFacts

LATERAL: list[dict[str, object]] = [
    {"view": "LATERAL L"},
    {"view": "Lat."},
    {"view": "L"},
    {"view": "LEFT_LATERAL"},
    {"view": "", "view_code": ("399173006", "Linkslateral")},
    {"view": "", "view_code": ("R-10232", "right lateral")},
    {"view": "", "orientation": "P"},
    {"view": "", "orientation": "AL"},
    {"view": "", "described": ("W Chest Lat",)},
    {"view": "", "described": ("Thorax seitlich",)},
    {"view": "", "described": ("Torax perfil",)},
    {"view": "", "described": ("胸部侧位",)},
]
FRONTAL: list[dict[str, object]] = [
    {},
    {"view": "LLD"},
    {"view": "LAO"},
    {"view": "PA", "described": ("Chest PA and lateral",)},
    {"view": "PA", "view_code": ("399067008", "lateral")},  # the element that is about this film alone is believed
    {"view": "", "view_code": ("399348003", "antero-posterior"), "described": ("CHEST AP",)},
    {"view": "", "described": ("CHEST PA/LAT",)},
    {"view": "", "described": ("Left lateral decubitus",)},
    {"view": "", "described": ("Bilateral pneumonia?",)},
    {"view": "", "orientation": "L"},
    {"view": "", "described": ("LLL",)},
]


@pytest.mark.parametrize("says", LATERAL, ids=str)
def test_a_lateral_film_is_one_however_that_is_said(says: dict[str, object]) -> None:
    assert is_lateral(FilmFacts(**says))  # type: ignore[arg-type]


@pytest.mark.parametrize("says", FRONTAL, ids=str)
def test_a_frontal_film_is_none(says: dict[str, object]) -> None:
    assert not is_lateral(FilmFacts(**says))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["TÓRAX", "Poumon", "胸部", "흉부", "ROENTGEN THORAX", "UNKNOWN", "", "CHEST,AP"])
def test_a_chest_is_one_in_any_language_and_where_nothing_says(part: str) -> None:
    assert other_part(FilmFacts(body_part=part)) == ""


@pytest.mark.parametrize(
    ("region", "other"),
    [
        (("816094009", "Brust"), ""),
        (("T-D3000", ""), ""),
        (("1", "Chest wall"), ""),
        (("85562004", "Hand"), "HAND"),
        (("85562004", ""), "85562004"),
        (("", ""), ""),
    ],
)
def test_without_a_body_part_the_coded_region_says_it(region: tuple[str, str], other: str) -> None:
    assert other_part(FilmFacts(region=region)) == other
    assert other_part(FilmFacts(body_part="CHEST", region=region)) == ""
