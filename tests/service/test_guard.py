"""Who is let in: names of this machine, requests of its own pages, tokens that stand, and no flood of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import RequestError
from hilum.service.app import create_app
from hilum.service.credentials import hash_password, make_token
from hilum.service.guard import Rates
from hilum.service.server import require_people
from hilum.service.settings import ServiceSettings
from hilum.store import open_store
from tests.service.conftest import Room, StoreUrl, films, png_of, problem


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.1"])
def test_another_name_is_refused(room: Room, host: str) -> None:
    assert room.get("/v1/models", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"])
def test_names_of_this_machine_are_taken(room: Room, host: str) -> None:
    assert room.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_sites_page_changes_nothing(room: Room, headers: dict[str, str]) -> None:
    assert room.post("/v1/predictions", files=films(png_of(1)), headers=headers).status_code == 403
    assert room.post("/example", headers=headers).status_code == 403
    assert "access-control-allow-origin" not in room.get("/v1/models", headers=headers).headers


def test_requests_are_counted_by_address() -> None:
    now = 0.0
    rates = Rates(60, lambda: now)
    assert [rates.wait("a") for _ in range(60)] == [0] * 60
    assert rates.wait("a") == 1
    assert rates.wait("b") == 0
    now = 2.0
    assert [rates.wait("a"), rates.wait("a")] == [0, 0]
    assert rates.wait("a") == 1


@pytest.fixture(scope="module")
def closed(store_url: StoreUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A reading room with two people."""
    folder, store = tmp_path_factory.mktemp("closed"), store_url()
    with open_store(store) as opened:
        opened.accounts.put_user("ada", hash_password("correct horse battery"), ("predict", "read", "verdict"))
        opened.accounts.put_user("bob", "", ("predict", "read"))
        tokens = {name: make_token(opened, name, ("predict", "read")) for name in ("ada", "bob")}
    settings = require_people(
        ServiceSettings(store=store, folder=folder, workers=1, metrics_public=False), "127.0.0.1"
    )
    assert settings.sign_in
    with Room(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        client.tokens = tokens
        client.store = store
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_nobody_is_let_in_without_a_token(closed: Room) -> None:
    for path in ("/v1/predictions", "/v1/models", f"/v1/predictions/{'0' * 32}"):
        reply = closed.get(path)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Bearer")
    reply = closed.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert reply.headers["location"].startswith("/sign-in")
    assert closed.get("/v1/models", headers=bearer("hilum_0000000000000000_x")).status_code == 401
    assert closed.get("/v1/models", headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_a_user_sees_and_learns_nothing_of_another(closed: Room) -> None:
    ada, bob = (bearer(closed.tokens[name][1]) for name in ("ada", "bob"))
    mine = closed.post("/v1/predictions", files=films(png_of(50)), headers=ada).json()["predictions"][0]
    other = closed.post("/v1/predictions", files=films(png_of(50)), headers=bob).json()["predictions"][0]
    assert not other["repeated"]
    assert other["id"] != mine["id"]
    assert closed.get(f"/v1/predictions/{mine['id']}", headers=bob).status_code == 404
    assert closed.get(f"/v1/predictions/{mine['id']}/film", headers=bob).status_code == 404
    assert closed.get("/v1/predictions", headers=bob).json()["total"] == 1


def test_a_scope_that_is_missing_is_named(closed: Room) -> None:
    reply = closed.post(
        f"/v1/predictions/{'0' * 32}/verdict", json={"verdict": "accept"}, headers=bearer(closed.tokens["ada"][1])
    )
    assert reply.status_code == 403
    assert "'verdict'" in reply.json()["detail"]


def test_a_token_is_refused_from_the_moment_at_which_it_is_over_or_withdrawn(
    closed: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(closed.store) as opened:
        kept, withdrawn = make_token(opened, "ada", ("read",))
        _, over = make_token(opened, "ada", ("read",), days=1)
        assert closed.get("/v1/models", headers=bearer(withdrawn)).status_code == 200
        assert closed.get("/v1/models", headers=bearer(over)).status_code == 200
        opened.accounts.withdraw_token(kept.id)
    assert "withdrawn" in problem(closed.get("/v1/models", headers=bearer(withdrawn)), 401)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=1, seconds=1)

    monkeypatch.setattr("hilum.service.credentials.datetime", Tomorrow)
    for _ in range(2):
        assert "over" in problem(closed.get("/v1/models", headers=bearer(over)), 401)


def test_a_token_does_what_its_scopes_say_and_nothing_else(closed: Room) -> None:
    wants: dict[str, Any] = {
        "predict": lambda headers: closed.post("/v1/predictions", files=films(png_of(85)), headers=headers),
        "read": lambda headers: closed.get("/v1/predictions", headers=headers),
        "verdict": lambda headers: closed.post(
            f"/v1/predictions/{'0' * 32}/verdict", json={"verdict": "accept"}, headers=headers
        ),
        "metrics": lambda headers: closed.get("/metrics", headers=headers),
    }
    for scope in wants:
        with open_store(closed.store) as opened:
            _, text = make_token(opened, "ada", (scope,))
        for other, ask in wants.items():
            reply = ask(bearer(text))
            assert (reply.status_code == 403) == (other != scope), (scope, other, reply.text)


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: text[:-1], lambda text: text + "x", lambda text: text[6:]]
)
def test_a_token_that_was_changed_is_refused(closed: Room, change: Any) -> None:
    with open_store(closed.store) as opened:
        _, text = make_token(opened, "ada", ("read",))
    problem(closed.get("/v1/models", headers=bearer(change(text))), 401)
    problem(closed.get(f"/v1/models?token={text}"), 401)
    problem(closed.get("/v1/models", headers={"Cookie": f"hilum_session={text}"}), 401)


def test_a_session_that_has_ended_is_not_taken_again(closed: Room) -> None:
    form = {"name": "ada", "password": "correct horse battery"}
    signed_in = closed.post("/sign-in", data=form, follow_redirects=False)
    cookie = signed_in.cookies["hilum_session"]
    closed.cookies.clear()
    with_it = {"Cookie": f"hilum_session={cookie}"}
    assert closed.get("/v1/models", headers=with_it).status_code == 200
    assert closed.post("/sign-out", headers=with_it, follow_redirects=False).status_code == 303
    closed.cookies.clear()
    problem(closed.get("/v1/models", headers=with_it), 401)


def test_a_person_signs_in_and_out(closed: Room) -> None:
    refused = closed.post("/sign-in", data={"name": "ada", "password": "wrong"})
    assert refused.status_code == 403
    reply = closed.post("/sign-in", data={"name": "ada", "password": "correct horse battery"}, follow_redirects=False)
    assert "HttpOnly" in reply.headers["set-cookie"]
    assert "SameSite=strict" in reply.headers["set-cookie"]
    assert closed.get("/v1/models").status_code == 200
    closed.post("/sign-out")
    assert closed.get("/v1/models").status_code == 401


def test_other_machines_are_listened_to_only_where_somebody_can_sign_in(tmp_path: Path) -> None:
    settings = ServiceSettings(store=str(tmp_path / "hilum.db"))
    with pytest.raises(RequestError, match="hilum user add NAME"):
        require_people(settings, "0.0.0.0")
    assert not require_people(settings, "127.0.0.1").sign_in


def test_a_short_password_is_refused() -> None:
    with pytest.raises(RequestError, match="12 characters"):
        hash_password("short")
