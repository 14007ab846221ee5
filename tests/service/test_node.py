"""The page about films from the network: what waits, what went wrong, and nothing that names anybody."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from hilum.service.app import create_app
from hilum.service.credentials import ALL, SCOPES, make_token
from hilum.service.settings import ServiceSettings
from hilum.store import NewNodeFilm, NewPrediction, Store, open_store
from tests.store.conftest import MakePrediction, prediction

__all__ = ["prediction"]

CANARY = "CANARY^JANE"


def enqueue(connection: Connection, workflow_id: str, again: bool) -> None:
    pass


def film(number: int, **others: str) -> NewNodeFilm:
    plain = NewNodeFilm(f"{number:064x}", f"i{number}", "s", f"p{number}", "seal", "youden", "node", CANARY, "file")
    return replace(plain, **others)  # type: ignore[arg-type]


def answered(store: Store, number: int, new: NewPrediction) -> str:
    """A film that was answered; the id of its prediction."""
    made, nodes = film(number), store.node_films
    nodes.receive(made, enqueue)
    row = nodes.answer(
        made.workflow_id, new, seal="seal", operating_point="youden", report=f"1.2.{number}", capture="1.3"
    )
    return row.prediction


def fill(store: Store, prediction: MakePrediction) -> str:
    """A store as nodes leave it; gives the id of a prediction."""
    id_ = answered(store, 1, prediction(user="node", content=b"one"))
    store.node_films.receive(film(2), enqueue)
    store.node_films.receive(film(3, state="left alone", why="it is no chest film"), enqueue)
    store.node_films.receive(film(4, instance="i2"), enqueue)
    answered(store, 5, prediction(user="node", content=b"five"))
    for number, destination in ((1, "pacs"), (5, "archive")):
        store.node_sendings.add(film(number).workflow_id, "report", [destination])
    store.node_sendings.unreachable("pacs", f"{CANARY} did not answer")
    store.node_sendings.refused(
        film(5).workflow_id, "report", "archive", f"0xA900: {CANARY} is unknown", for_good=True
    )
    store.node_films.not_drawn(film(1).workflow_id, "an error of the program (MemoryError)")
    store.node_state.beat("node", alarm="501 films wait")
    return id_


@pytest.fixture
def rooms(tmp_path: Path, prediction: MakePrediction) -> Iterator[TestClient]:
    """A room that asks everybody to sign in, on a store that nodes work on."""
    with open_store(str(tmp_path / "hilum.db")) as store:
        fill(store, prediction)
    settings = ServiceSettings(store=str(tmp_path / "hilum.db"), folder=tmp_path, workers=1, sign_in=True)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


def plain(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page.partition("<main")[2])))


def test_it_is_for_those_who_may_read_all_and_shows_what_waits_and_why(rooms: TestClient) -> None:
    store: Store = rooms.app.state.service.store  # type: ignore[attr-defined]
    tokens = {}
    for name, scopes in (("ada", SCOPES), ("eve", (*SCOPES, ALL))):
        store.accounts.put_user(name, "", scopes)
        tokens[name] = {"Authorization": f"Bearer {make_token(store, name, scopes)[1]}"}
    assert rooms.get("/node").status_code == 401
    assert rooms.get("/node", headers=tokens["ada"]).status_code == 403
    assert "/node" not in rooms.get("/", headers=tokens["ada"]).text
    assert 'href="/node"' in rooms.get("/", headers=tokens["eve"]).text

    page = rooms.get("/node", headers=tokens["eve"])
    assert page.status_code == 200
    said = plain(page.text)
    assert "Alarm. node: 501 films wait." in said
    assert "1 film waits for an answer; the oldest has waited less than a minute." in said
    for row in (
        "Waiting 1 received",
        "Reported 1",
        "Left alone 1",
        "Set apart 1",
        "Refused 1",
        "Left alone it is no chest film 1",
        "Refused a destination's answer 1",
        "No picture an error of the program (MemoryError) 1",
    ):
        assert row in said, row
    assert re.search(r"pacs down since \d\d \w{3} \d{4}, \d\d:\d\d UTC 1 never never", said)
    assert re.search(r"archive reached 0 never \d\d \w{3} \d{4}, \d\d:\d\d UTC, 0xA900", said)
    assert f"{1:064x}"[:12] in said, "what the log calls a film"
    assert CANARY not in page.text
    assert "1.2.1" not in page.text
    (id_,) = {each.prediction for each in store.node_films.latest() if each.state == "reported"}
    assert f'href="/films/{id_}"' in page.text
    assert rooms.get(f"/films/{id_}", headers=tokens["eve"]).status_code == 200
    assert rooms.get(f"/films/{id_}", headers=tokens["ada"]).status_code == 404
    assert "Pneumonia" in said

    # Whoever reads first sees no answer here either.
    first = rooms.get("/node", headers=tokens["eve"] | {"Cookie": "hilum_read_first=1"})
    assert "Pneumonia" not in plain(first.text)
    assert plain(first.text).count("read first") == 2
