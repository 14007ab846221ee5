"""Orthanc's changes: each new film once, from a place that is kept, over restarts of either side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hilum.errors import StoreError
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.settings import NodeSettings, Source
from hilum.pacs.sources.opening import open_source
from hilum.pacs.sources.orthanc_changes import OrthancChanges
from hilum.pacs.web import WebServer
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.pacs.sources.fakes import GO_ON, Taken, a_film, taken
from tests.pacs.web_peer import WebAsked, WebPeer, WebSaid, web_peer
from tests.waiting import wait_until


class FakeOrthanc:
    """Answers as Orthanc 1.10 does to what this asks; `tests` of the real one are below."""

    def __init__(self) -> None:
        self.changes: list[dict[str, object]] = []
        self.films: dict[str, bytes | int] = {}
        self.last = 0
        self.date = "20260110T120000"

    def add(self, uid: str, modality: str = "DX", content: bytes | int | None = None) -> str:
        number = len(self.films) + 1
        id_ = "-".join([f"{number:08x}", *[f"{int(uid.rpartition('.')[2]):08x}"] * 4])
        self.films[id_] = a_film(uid, modality) if content is None else content
        for kind in ("NewInstance", "NewSeries"):
            self.last += 1
            self.changes.append({"Seq": self.last, "ChangeType": kind, "ID": id_, "Date": self.date, "Path": "x"})
        self.modality = modality
        return id_

    def delete(self, id_: str) -> None:
        del self.films[id_]
        self.changes = [change for change in self.changes if change["ID"] != id_]

    def __call__(self, asked: WebAsked) -> WebSaid:
        parts = urlsplit(asked.path.removeprefix("/dicom-web"))
        query = {key: int(values[0] or 0) for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path == "/changes":
            if "last" in query:
                return WebSaid(200, {"Changes": self.changes[-1:], "Last": self.last, "Done": True})
            after = [change for change in self.changes if int(str(change["Seq"])) > query["since"]]
            page = after[: query["limit"]]
            last = page[-1]["Seq"] if page else self.last
            return WebSaid(200, {"Changes": page, "Last": last, "Done": len(after) <= query["limit"]})
        film = self.films.get(parts.path.split("/")[2], 404)
        if isinstance(film, int):
            return WebSaid(film)
        if parts.path.endswith("/content/0008-0060"):
            return WebSaid(200, b"CT" if b"CT" in film else b"DX")
        return WebSaid(200, film, "application/dicom")


@contextmanager
def following(
    node: Taken, days_back: int = 0, modalities: tuple[str, ...] = ("CR", "DX")
) -> Iterator[tuple[FakeOrthanc, OrthancChanges, WebPeer]]:
    fake = FakeOrthanc()
    with web_peer(fake) as peer:
        server = WebServer("source archive", peer.url, seconds=5)
        clock = datetime(2026, 1, 11, 12, tzinfo=UTC)
        yield fake, OrthancChanges(server, node.intake("archive"), node, modalities, days_back, lambda: clock), peer
        server.close()


def test_it_begins_with_what_comes_after_its_first_look(node: Taken) -> None:
    with following(node) as (orthanc, source, _):
        orthanc.add("2.25.1")
        assert source.look(GO_ON) == 0
        orthanc.add("2.25.2")
        orthanc.add("2.25.3")
        assert source.look(GO_ON) == 2
        assert source.look(GO_ON) == 0
        assert node.uids == ["2.25.2", "2.25.3"]
        assert {arrival.source for arrival in node.arrivals} == {"archive"}


def test_it_goes_back_as_many_days_as_it_is_told(node: Taken) -> None:
    with following(node, days_back=2) as (orthanc, source, _):
        orthanc.date = "20260109T115959"
        for number in range(60):  # more than a page of changes
            orthanc.add(f"2.25.{number}")
        orthanc.date = "20260109T120001"
        orthanc.add("2.25.100")
        assert source.look(GO_ON) == 1
        assert node.uids == ["2.25.100"]


def test_others_than_the_modalities_are_not_fetched(node: Taken) -> None:
    with following(node) as (orthanc, source, peer):
        source.look(GO_ON)
        orthanc.add("2.25.1", "CT")
        orthanc.add("2.25.2", "DX")
        orthanc.add("2.25.3", "")  # the node sorts it out by its SOP Class
        orthanc.add("2.25.4", "DR")  # likewise
        assert source.look(GO_ON) == 3
        assert len([asked for asked in peer.asked if asked.path.endswith("/file")]) == 3
    with following(taken(node.spool.folder), modalities=()) as (orthanc, source, _):
        source.look(GO_ON)
        orthanc.add("2.25.1", "CT")
        assert source.look(GO_ON) == 1


def test_the_place_is_kept_after_the_film_and_not_before(node: Taken) -> None:
    with following(node) as (orthanc, source, _):
        source.look(GO_ON)
        for number in (1, 2, 3):
            orthanc.add(f"2.25.{number}")
        with node.full_after_one(), pytest.raises(StoreError):
            source.look(GO_ON)
        assert source.look(GO_ON) == 2
        assert node.uids == ["2.25.1", "2.25.2", "2.25.3"]
        assert node.in_spool == 3


def test_another_process_goes_on_where_this_one_was_killed(node: Taken) -> None:
    with following(node) as (orthanc, source, peer):
        source.look(GO_ON)
        orthanc.add("2.25.1")
        source.look(GO_ON)
        orthanc.add("2.25.2")
        other = OrthancChanges(WebServer("source archive", peer.url), node.intake("archive"), node, ("DX",), 0)
        assert other.look(GO_ON) == 1
        other.close()
        assert node.uids == ["2.25.1", "2.25.2"]


def test_an_orthanc_that_was_emptied_is_read_from_its_beginning(
    node: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    for films in (1, 5):  # fewer changes than before, and more
        with following(node) as (orthanc, source, peer):
            node.cursors.clear()
            node.arrivals.clear()
            source.look(GO_ON)
            for number in (1, 2):
                orthanc.add(f"2.25.{number}")
            assert source.look(GO_ON) == 2
            new = FakeOrthanc()
            for number in range(films):
                new.add(f"2.25.{100 + number}")
            peer.answer = new
            assert source.look(GO_ON) == films
            assert source.look(GO_ON) == 0
            assert node.uids[2:] == [f"2.25.{100 + number}" for number in range(films)]
    assert [record.getMessage() for record in caplog.records] == ["source starts anew"] * 2


def test_what_was_deleted_in_the_middle_of_it_changes_nothing(node: Taken) -> None:
    with following(node) as (orthanc, source, _):
        source.look(GO_ON)
        first = orthanc.add("2.25.1")
        assert source.look(GO_ON) == 1
        orthanc.delete(first)  # and with it the change that the place names
        assert source.look(GO_ON) == 0
        gone = orthanc.add("2.25.2")
        orthanc.films[gone] = 404
        orthanc.add("2.25.3")
        assert source.look(GO_ON) == 1
        assert node.uids == ["2.25.1", "2.25.3"]


def test_an_instance_that_is_not_given_is_asked_for_again_and_then_left(
    node: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    with following(node) as (orthanc, source, _):
        source.look(GO_ON)
        orthanc.add("2.25.1", content=500)
        orthanc.add("2.25.2")
        for _ in range(2):
            with pytest.raises(Unreachable, match=r"does not give an instance \(500\)$"):
                source.look(GO_ON)
        assert source.look(GO_ON) == 1
        assert node.uids == ["2.25.2"]
    assert [vars(record)["event_facts"]["why"] for record in caplog.records] == ["not given (500)"]


def test_what_is_no_film_or_too_large_is_left(node: Taken) -> None:
    with following(node) as (orthanc, source, _):
        source.look(GO_ON)
        orthanc.add("2.25.1", content=b"text" * 100)
        orthanc.add("2.25.2", content=a_film("2.25.2") + bytes(2 << 20))
        orthanc.add("2.25.3")
        assert source.look(GO_ON) == 1
        assert node.in_spool == 1


@pytest.mark.parametrize(
    ("status", "content"),
    [(404, b""), (200, b"<html>"), (200, []), (200, {"Changes": "x", "Last": 1}), (200, b"\xff"), (200, b"[" * 9999)],
)
def test_who_is_no_orthanc_is_one_line(node: Taken, status: int, content: object) -> None:
    with following(node) as (_, source, peer):
        peer.answer = lambda _: WebSaid(status, content)
        with pytest.raises(
            Unreachable, match=r"^source archive: http://127.0.0.1:\d+ does not answer as Orthanc does$"
        ):
            source.look(GO_ON)


def test_an_id_that_is_none_comes_near_no_path(node: Taken) -> None:
    with following(node) as (orthanc, source, peer):
        source.look(GO_ON)
        orthanc.changes.append({"Seq": 9, "ChangeType": "NewInstance", "ID": "../../system", "Date": ""})
        assert source.look(GO_ON) == 0
        assert all("system" not in asked.path for asked in peer.asked)


def test_a_place_that_is_none_begins_anew(node: Taken) -> None:
    node.cursors["archive"] = "{"
    with following(node) as (orthanc, source, _):
        orthanc.add("2.25.1")
        assert source.look(GO_ON) == 1


@pytest.mark.slow
def test_films_come_out_of_an_orthanc_over_restarts_of_either_side(node: Taken, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("sesame")
    with an_orthanc(tmp_path / "orthanc", users={"node": "sesame"}) as orthanc:
        orthanc.upload(a_film("2.25.1"))
        source = Source(
            name="archive",
            kind="orthanc",
            url=orthanc.url,
            user="node",
            password_file=str(password),
            every_seconds=0.05,
        )

        follower = open_source(source, NodeSettings(), node.spool, node.accept, node)
        follower.start()
        wait_until(lambda: node.cursors)
        orthanc.upload(a_film("2.25.2"), a_film("2.25.3", "CT"), a_film("2.25.4"))
        node.wait_for("2.25.2", "2.25.4", follower=follower)
        orthanc.kill()
        # The first failure may be of an answer that ended in the middle.
        wait_until(lambda: follower.state.failure.endswith("cannot be reached: connection refused"))
        assert follower.state.failing_since is not None
        orthanc.start()
        orthanc.upload(a_film("2.25.5"))
        node.wait_for("2.25.2", "2.25.4", "2.25.5", follower=follower)
        follower.stop()
        orthanc.upload(a_film("2.25.6"))
        follower = open_source(source, NodeSettings(), node.spool, node.accept, node)
        follower.start()
        node.wait_for("2.25.2", "2.25.4", "2.25.5", "2.25.6", follower=follower)
        orthanc.empty()
        orthanc.upload(a_film("2.25.7"))
        node.wait_for("2.25.2", "2.25.4", "2.25.5", "2.25.6", "2.25.7", follower=follower)
        wait_until(lambda: follower.state.failing_since is None)
        follower.stop()
    assert node.uids == sorted(node.uids), "in Orthanc's own order"
    assert node.arrivals[0].path.read_bytes() == a_film("2.25.2")


@pytest.mark.slow
def test_an_orthanc_that_is_empty_and_one_that_was_emptied_beyond_the_place(node: Taken, orthanc: Orthanc) -> None:
    source = OrthancChanges(WebServer("archive", orthanc.url), node.intake("archive"), node, ("DX",), 0)
    assert source.look(GO_ON) == 0
    (first,) = orthanc.upload(a_film("2.25.1"))
    assert source.look(GO_ON) == 1
    orthanc.ask(f"/instances/{first}", method="DELETE")
    assert source.look(GO_ON) == 0
    orthanc.empty()
    time.sleep(1.1)  # its dates have seconds, and the patient is the same
    orthanc.upload(*(a_film(f"2.25.{number}") for number in range(10, 15)))
    assert source.look(GO_ON) == 5
    source.close()
