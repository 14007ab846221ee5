"""The API: one answer a film, the same as `predict` gives; every error is a problem that says what to do."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.inference import Detector
from tests.postgres import Postgres
from tests.service.conftest import Room, films, one, open_room, png_of, problem


def test_a_film_gets_the_answer_that_predict_gives(room: Room, tmp_path: Path) -> None:
    content = png_of(3)
    path = tmp_path / "film.png"
    path.write_bytes(content)
    (row,) = Detector(threads=1).predict(path)
    answer = one(room, content)
    assert (answer["answer"], answer["why"]) == (row.answer, row.why)
    assert list(answer["probabilities"].values()) == pytest.approx(list(row.probs), abs=1e-6)
    assert answer["threshold"] == Detector(threads=1).threshold()
    assert answer["film"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (answer["film"]["width"], answer["film"]["bytes"]) == (96, len(content))


def test_a_prevalence_corrects_as_predict_does(room: Room) -> None:
    answer = one(room, png_of(4), prevalence=0.1)
    assert answer["threshold"] == pytest.approx(Detector(threads=1).threshold(0.1))
    assert answer["prevalence"] == 0.1
    assert answer["probabilities"]["PNEUMONIA"] < one(room, png_of(4))["probabilities"]["PNEUMONIA"]


def test_a_request_that_is_repeated_gets_the_same_answer(room: Room) -> None:
    first = room.post("/v1/predictions", files=films(png_of(5)))
    again = room.post("/v1/predictions", content=png_of(5), headers={"Content-Type": "application/octet-stream"})
    assert (first.status_code, again.status_code) == (201, 200)
    before, after = first.json()["predictions"][0], again.json()["predictions"][0]
    assert after["repeated"]
    assert not before["repeated"]
    assert before["id"] == after["id"]
    assert one(room, png_of(5), prevalence=0.2)["id"] != before["id"]


def test_many_films_are_answered_in_their_order_and_an_unreadable_one_is_not_judged(room: Room, spool: Path) -> None:
    sent = [png_of(6), b"no film", png_of(7), png_of(6)]
    reply = room.post("/v1/predictions", files=films(*sent))
    assert reply.status_code == 201
    answers = reply.json()["predictions"]
    assert [each["film"]["sha256"] for each in answers] == [hashlib.sha256(each).hexdigest() for each in sent]
    assert answers[0]["id"] == answers[3]["id"]
    assert answers[1]["answer"] == "not judged"
    assert answers[1]["error"].startswith("a text file")
    assert not list(spool.iterdir())


def test_an_only_film_that_cannot_be_read_is_refused(room: Room, spool: Path) -> None:
    assert "a text file" in problem(room.post("/v1/predictions", files=films(b"no film")), 422)
    assert not list(spool.iterdir())


@pytest.mark.parametrize(
    ("content", "headers", "status", "words"),
    [
        (b"x", {"Content-Type": "text/plain"}, 415, "multipart/form-data"),
        (b"", {"Content-Type": "application/dicom"}, 422, "no body"),
        (b"x", {"Content-Type": "multipart/form-data"}, 400, "boundary"),
        (b"--b\r\nnonsense", {"Content-Type": "multipart/form-data; boundary=b"}, 400, "damaged"),
        (b"x", {"Content-Type": "application/dicom", "Content-Length": str(2 << 30)}, 413, "at most"),
    ],
)
def test_a_body_that_is_none_is_refused(
    room: Room, spool: Path, content: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    assert words in problem(room.post("/v1/predictions", content=content, headers=headers), status)
    assert not list(spool.iterdir())


def test_too_many_and_too_large_films_are_refused(room: Room, spool: Path) -> None:
    assert "at most 8 films" in problem(room.post("/v1/predictions", files=films(*[b"x"] * 9)), 413)
    assert "at most 4 MiB" in problem(room.post("/v1/predictions", files=films(bytes(5 << 20))), 413)
    assert not list(spool.iterdir())


def test_a_part_with_another_name_is_refused_and_not_left_out(room: Room) -> None:
    reply = room.post("/v1/predictions", files={"image": ("a", png_of(1))})
    assert "'film'" in problem(reply, 422)


@pytest.mark.parametrize("query", [{"prevalence": 2}, {"prevalence": "often"}])
def test_a_prevalence_that_is_none_is_refused(room: Room, query: dict[str, Any]) -> None:
    assert "prevalence" in problem(room.post("/v1/predictions", files=films(png_of(1)), params=query), 422)


def test_an_unknown_detector_is_refused(room: Room) -> None:
    assert "hilum" in problem(room.post("/v1/predictions?model=none", files=films(png_of(1))), 404)


def test_answers_are_found_again_page_by_page(room: Room) -> None:
    ids = {one(room, png_of(seed))["id"] for seed in (20, 21, 22)}
    found, after = set(), ""
    while True:
        page = room.get("/v1/predictions", params={"limit": 2, "after": after}).json()
        found |= {each["id"] for each in page["predictions"]}
        after = page["next"]
        if not after:
            break
    assert ids <= found
    assert len(found) == page["total"]
    some = next(iter(ids))
    assert room.get(f"/v1/predictions/{some}").json()["id"] == some
    assert "no such prediction" in problem(room.get(f"/v1/predictions/{'0' * 32}"), 404)
    assert problem(room.get("/v1/predictions/../../etc/passwd"), 404)
    assert "after" in problem(room.get("/v1/predictions", params={"after": "' OR 1=1 --"}), 422)


def test_a_verdict_is_given_replaced_and_taken_back(room: Room) -> None:
    id_ = one(room, png_of(23))["id"]
    address = f"/v1/predictions/{id_}/verdict"
    assert room.post(address, json={"verdict": "accept", "blind": True}).status_code == 201
    given = room.get(f"/v1/predictions/{id_}").json()["verdict"]
    assert (given["verdict"], given["blind"], given["by"]) == ("accept", True, "local")
    assert room.post(address, json={"verdict": "modify", "label": "NORMAL"}).status_code == 201
    assert room.get(f"/v1/predictions/{id_}").json()["verdict"]["label"] == "NORMAL"
    assert room.delete(address).status_code == 204
    assert room.get(f"/v1/predictions/{id_}").json()["verdict"] is None
    problem(room.delete(address), 404)
    assert "label" in problem(room.post(address, json={"verdict": "modify"}), 422)
    assert "classes are" in problem(room.post(address, json={"verdict": "modify", "label": "<b>"}), 422)
    problem(room.post(address, json={"verdict": "perhaps"}), 422)
    problem(room.post(address, content=b"{", headers={"Content-Type": "application/json"}), 422)


def test_a_film_comes_back_with_the_values_it_had(room: Room) -> None:
    content = png_of(24, depth=4095)
    id_ = one(room, content)["id"]
    reply = room.get(f"/v1/predictions/{id_}/film")
    assert reply.headers["content-type"] == "image/png"
    sent, back = (np.asarray(Image.open(io.BytesIO(each))) for each in (content, reply.content))
    assert np.array_equal(sent, back)
    assert "given as image/png" in problem(
        room.get(f"/v1/predictions/{id_}/film", headers={"Accept": "text/csv"}), 406
    )


def test_a_heat_map_has_the_films_proportions(room: Room) -> None:
    id_ = one(room, png_of(25))["id"]
    reply = room.get(f"/v1/predictions/{id_}/heatmap")
    assert reply.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(reply.content))
    assert (picture.mode, picture.size) == ("RGBA", (512, 512))


def test_what_an_operator_asks(room: Room) -> None:
    assert room.get("/healthz").json()["status"] == "ok"
    assert room.get("/readyz").json()["status"] == "ok"
    one(room, png_of(26))
    text = room.get("/metrics").text
    assert 'hilum_answers_total{answer="not judged",model="hilum"}' in text
    assert "hilum_batch_films_bucket" in text
    (model,) = room.get("/v1/models").json()["models"]
    assert model["seal"] == Detector(threads=1).spec.seal


def test_the_description_names_every_operation_and_its_problems(room: Room) -> None:
    described = room.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    ids = [each["operationId"] for methods in described["paths"].values() for each in methods.values()]
    assert len(set(ids)) == len(ids) == 11
    for path, methods in described["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and path.startswith("/v1/"):
                    assert list(response["content"]) == ["application/problem+json"], (path, status)
    assert "HTTPValidationError" not in str(described)
    sent = described["paths"]["/v1/predictions"]["post"]["responses"]
    assert sent["200"]["content"] == sent["201"]["content"]


def test_how_large_a_film_was_stays_known(room: Room) -> None:
    content = png_of(28)
    sent = one(room, content)
    assert sent["film"]["bytes"] == len(content)
    assert room.get(f"/v1/predictions/{sent['id']}").json()["film"]["bytes"] == len(content)


def test_the_same_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    """The way through everything that is stored; the tests of this folder all run there as slow ones."""
    with open_room(tmp_path, postgres.schema()) as room:
        test_a_film_gets_the_answer_that_predict_gives(room, tmp_path)
        test_a_request_that_is_repeated_gets_the_same_answer(room)
        test_many_films_are_answered_in_their_order_and_an_unreadable_one_is_not_judged(room, tmp_path / "arriving")
        test_a_verdict_is_given_replaced_and_taken_back(room)
        test_answers_are_found_again_page_by_page(room)
        test_a_film_comes_back_with_the_values_it_had(room)
        test_how_large_a_film_was_stays_known(room)
