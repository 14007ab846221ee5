"""The page as a browser without scripts gets it: whole, safe, and with no more than it should say."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from hilum.records import Film, Prediction
from hilum.service.wording import age_of, class_word, facts_of, share
from hilum.store import PredictionKey, StoredPrediction
from tests.service.conftest import Room, films, png_of

HTML = {"Accept": "text/html"}


def sent(room: Room, seed: int) -> str:
    reply = room.post("/films", files=films(png_of(seed)), follow_redirects=False)
    assert reply.status_code == 303
    return str(reply.headers["location"])


def test_a_page_runs_nothing_but_its_own_scripts_and_loads_nothing_from_elsewhere(room: Room) -> None:
    for path in ("/", "/about", "/docs", "/sign-in", sent(room, 40)):
        reply = room.get(path)
        assert reply.status_code == 200
        policy = reply.headers["content-security-policy"]
        (nonce,) = re.findall(r"script-src 'nonce-([^']+)'", policy)
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for script in re.findall(r"<script[^>]*>", reply.text):
            assert f'nonce="{nonce}"' in script
        assert not re.search(r"(src|href)=\"(https?:)?//", reply.text)
        assert "style=" not in reply.text
        assert "Research only" in reply.text
    assert room.get("/").headers["content-security-policy"] != room.get("/").headers["content-security-policy"]


def test_a_film_that_is_not_judged_has_no_probability_and_no_heat_map(room: Room) -> None:
    page = room.get(sent(room, 41)).text
    assert "Not judged" in page
    assert "would mean nothing" in page
    assert 'class="probability"' not in page
    assert "/heatmap" not in page
    assert re.search(r"<title>Film · Hilum</title>", page)


def test_the_example_is_a_generated_picture_and_said_to_be_one(room: Room) -> None:
    assert "nobody" in room.get("/").text
    reply = room.post("/example", follow_redirects=False)
    page = room.get(reply.headers["location"])
    assert page.status_code == 200
    assert "This is the example, a drawing by a program" in page.text
    assert "This is the example" not in room.get(sent(room, 43)).text


def test_what_an_answer_means_is_explained_where_the_film_links_to(room: Room) -> None:
    (link,) = set(re.findall(r'href="(/about#[a-z-]+)"', room.get(sent(room, 43)).text))
    about = room.get("/about").text
    assert f'id="{link.partition("#")[2]}"' in about
    for answer in ("positive", "negative", "not-sure", "not-judged"):
        assert f'id="{answer}"' in about
    assert about.count('class="probability"') == 3


def test_a_verdict_is_given_and_taken_back_without_scripts(room: Room) -> None:
    path = sent(room, 42)
    page = room.post(f"{path}/verdict", data={"verdict": "modify", "label": "NORMAL"}).text
    assert "Modified to normal." in page
    assert "Take it back" not in room.post(f"{path}/verdict/withdraw").text
    refused = room.post(f"{path}/verdict", data={"verdict": "modify", "label": "<script>"}, headers=HTML)
    assert refused.status_code == 422
    assert "<script>" not in refused.text


def test_an_error_is_a_page_for_a_person_and_details_for_a_program(room: Room) -> None:
    assert "<h1>Not found</h1>" in room.get("/nowhere", headers=HTML).text
    assert room.get("/nowhere").headers["content-type"] == "application/problem+json"
    assert "<h1>" in room.get(f"/films/{'0' * 32}", headers=HTML).text


def test_the_mode_is_this_browsers_own(room: Room) -> None:
    reply = room.post("/mode", data={"read_first": "1"}, follow_redirects=False)
    assert "SameSite=strict" in reply.headers["set-cookie"]
    assert "reveal after: on" in room.get("/").text
    room.post("/mode", data={"read_first": "0"})


def test_sign_in_goes_back_to_this_site_alone(room: Room) -> None:
    assert 'value="/"' in room.get("/sign-in", params={"back": "//evil.example"}).text
    assert 'value="/films"' in room.get("/sign-in", params={"back": "/films"}).text


@pytest.mark.parametrize(("prob", "words"), [(0.99924, "over 99%"), (0.0001, "under 1%"), (0.5, "50%")])
def test_no_certainty_is_shown(prob: float, words: str) -> None:
    assert share(prob) == words


def stored_of(age: str = "", view: str = "") -> StoredPrediction:
    """An answer to a film of somebody of this age."""
    row = Prediction(Film("", age=age, view=view), (0.2, 0.8), "PNEUMONIA", shape=(8, 9), answer="PNEUMONIA")
    key = PredictionKey("ada", "0" * 64, "1" * 64, "youden", None)
    created, classes = datetime(2026, 5, 4, tzinfo=UTC), ("NORMAL", "PNEUMONIA")
    return StoredPrediction("2" * 32, created, key, row, classes, 0.7, "m", "", 9, True, None)


@pytest.mark.parametrize(
    ("age", "view", "doubts"),
    [("007Y", "AP", []), ("054Y", "PA", ["Age"]), ("", "LL", ["View"]), ("018Y", "LATERAL", ["Age", "View"])],
)
def test_age_and_view_are_held_against_what_the_detector_learnt_from(age: str, view: str, doubts: list[str]) -> None:
    facts = facts_of(stored_of(age, view), "Learnt from: Children's films.")
    assert [each.name for each in facts if each.is_doubt] == doubts
    assert [each.reference for each in facts] == ["learnt from children alone", "learnt from frontal films alone"]
    assert not facts_of(stored_of("054Y"), "Learnt from: films of adults.")[0].is_doubt


def test_words_are_a_persons() -> None:
    assert class_word("PNEUMONIA") == "Pneumonia"
    assert age_of("007M") == "7 months"
