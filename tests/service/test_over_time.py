"""The page that looks over time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hilum.service.app import create_app
from hilum.service.settings import ServiceSettings
from tests.service.conftest import Room, films, png_of


def test_the_page_shows_how_many_films_came_and_why_they_were_not_judged(room: Room) -> None:
    room.post("/v1/predictions", files=films(png_of(900), png_of(901)))
    page = room.get("/monitor")
    assert page.status_code == 200
    assert 'aria-current="page">Over time' in page.text
    assert "Of all films that the store holds" in page.text
    assert "Films a day" in page.text
    assert "50 are needed" in page.text
    assert "style=" not in page.text
    assert page.text.count("<h1") == 1


@pytest.fixture
def signed_in(tmp_path: Path) -> Iterator[TestClient]:
    """A room that asks everybody to sign in."""
    settings = ServiceSettings(store=str(tmp_path / "hilum.db"), folder=tmp_path, workers=1, sign_in=True)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.slow
def test_each_sees_what_they_have_sent_in_and_some_see_all(signed_in: TestClient) -> None:
    from hilum.service.credentials import ALL, SCOPES, make_token

    store = signed_in.app.state.service.store  # type: ignore[attr-defined]
    tokens = {}
    for name, scopes in (("ada", SCOPES), ("bob", SCOPES), ("eve", (*SCOPES, ALL))):
        store.accounts.put_user(name, "", scopes)
        tokens[name] = {"Authorization": f"Bearer {make_token(store, name, scopes)[1]}"}
    signed_in.post("/v1/predictions", files=films(png_of(1), png_of(2)), headers=tokens["ada"])
    assert signed_in.get("/monitor").status_code == 401
    assert "2 films from" in signed_in.get("/monitor", headers=tokens["ada"]).text
    assert "No films yet" in signed_in.get("/monitor", headers=tokens["bob"]).text
    assert "2 films from" in signed_in.get("/monitor", headers=tokens["eve"]).text
