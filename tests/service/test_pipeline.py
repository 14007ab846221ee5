"""What a request meets where the service is full or slow: it is told so, and leaves nothing behind."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

from hilum.answering.reading import FilmRefused
from hilum.answering.reading.messages import Reply, Request
from hilum.service.pipeline import Pipeline
from tests.service.conftest import Room, films, one, png_of, problem
from tests.waiting import wait_until


@pytest.fixture
def pipeline(room: Room) -> Pipeline:
    """What answers the room's films."""
    found: Pipeline = room.app.state.service.pipeline  # type: ignore[attr-defined]
    return found


def test_a_full_queue_says_when_to_come_again(
    room: Room, pipeline: Pipeline, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "queue_size", 0)
        reply = room.post("/v1/predictions", files=films(png_of(90900)))
    assert "send yours again" in problem(reply, 503)
    assert int(reply.headers["retry-after"]) >= 1
    assert not list(spool.iterdir())
    assert not one(room, png_of(90900))["repeated"]


def test_a_request_that_takes_longer_than_its_deadline_is_ended(
    room: Room, pipeline: Pipeline, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "deadline", 0.001)
        told = problem(room.post("/v1/predictions", files=films(*map(png_of, range(90901, 90905)))), 504)
    assert "within 0.001 s" in told
    assert not list(spool.iterdir())
    assert not one(room, png_of(90901))["repeated"]


def test_a_film_whose_process_was_ended_is_read_again_when_it_is_sent_again(
    room: Room, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = films(png_of(90920), png_of(90921))
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.line.pool, "submit", ended)
        busy = room.post("/v1/predictions", files=sent).json()["predictions"]
        assert "takes too long" in problem(room.post("/v1/predictions", files=sent[:1]), 422)
    assert [each["answer"] for each in busy] == ["not judged"] * 2
    assert all("takes too long" in each["why"] for each in busy)
    quiet = room.post("/v1/predictions", files=sent).json()["predictions"]
    assert not any(each["error"] or each["repeated"] for each in quiet)
    assert all(room.get(f"/v1/predictions/{each['id']}").json()["error"] for each in busy)  # what was said stays said
    again = room.post("/v1/predictions", files=sent).json()["predictions"]
    assert [(each["id"], each["repeated"]) for each in again] == [(each["id"], True) for each in quiet]


def ended(request: Request) -> Future[Reply]:
    """A film that takes too long, at the moment."""
    future: Future[Reply] = Future()
    future.set_result(FilmRefused("takes too long to read", retry=True))
    return future


def test_requests_that_were_ended_hold_nobody_up(
    room: Room, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        for deadline in (0.0, 0.001, 0.005, 0.01, 0.02, 0.04):  # in the queue, read, on its way to the network
            patch.setattr(pipeline, "deadline", deadline)
            room.post("/v1/predictions", files=films(*map(png_of, range(90910, 90914))))
    what = "every film would wait for films that do not come"
    wait_until(lambda: pipeline.line._batchers[0]._on_their_way == 0, what=what)
    assert not pipeline._requests
    assert not pipeline.line._reading.locked()
