"""DICOMweb: studies of the last days are asked for, and each of their films is fetched once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from dicomweb_client.api import DICOMwebClient

from hilum.errors import StoreError
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.settings import NodeSettings, Source
from hilum.pacs.sources.opening import open_source
from hilum.pacs.sources.qido import QidoStudies
from hilum.pacs.web import WebServer
from tests.pacs.orthanc import Orthanc
from tests.pacs.sources.fakes import GO_ON, Taken, a_film
from tests.pacs.web_peer import WebAsked, WebPeer, WebSaid, web_peer


class FakeDicomweb:
    """As many of QIDO-RS and WADO-RS as are needed; what it leaves out is what some servers leave out."""

    def __init__(self) -> None:
        self.films: dict[str, tuple[str, str, str, bytes | int]] = {}  # by instance: study, modality, day, content
        self.counts, self.pages, self.multipart = True, True, True

    def add(
        self,
        uid: str,
        study: str = "2.25.9",
        modality: str = "DX",
        day: str = "20260110",
        content: bytes | int | None = None,
    ) -> None:
        film = a_film(uid, modality, study, day) if content is None else content
        self.films[uid] = (study, modality, day, film)

    def __call__(self, asked: WebAsked) -> WebSaid:
        parts = urlsplit(asked.path.removeprefix("/dicom-web"))
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/").split("/")
        if len(path) == 6:
            content = self.films[path[5]][3]
            if isinstance(content, int):
                return WebSaid(content)
            if not self.multipart:
                return WebSaid(200, content, "application/dicom")
            body = b"--xyz\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--xyz--"
            return WebSaid(200, body, 'multipart/related; type="application/dicom"; boundary=xyz')
        found = [self._match(uid, path, query) for uid in self.films]
        unique = {str(match): match for match in found if match}
        matches = list(unique.values())
        if self.pages:
            start = int(query["offset"])
            matches = matches[start : start + int(query["limit"])]
        return WebSaid(200, matches) if matches else WebSaid(204)

    def _match(self, uid: str, path: list[str], query: dict[str, str]) -> dict[str, object] | None:
        study, modality, day, _ = self.films[uid]
        series = f"{study}.{1 + (modality == 'DX')}"
        if path == ["studies"]:
            modalities = {other[1] for other in self.films.values() if other[0] == study}
            if (
                day < query["StudyDate"].removesuffix("-")
                or query.get("ModalitiesInStudy", modality) not in modalities
            ):
                return None
            count = sum(other[0] == study for other in self.films.values())
            counted = {"00201208": {"vr": "IS", "Value": [count]}} if self.counts else {}
            return {"0020000D": {"vr": "UI", "Value": [study]}, **counted}
        if path[1] != study or query.get("Modality", modality) != modality:
            return None
        if len(path) == 3:
            return {"0020000E": {"vr": "UI", "Value": [series]}}
        return {"00080018": {"vr": "UI", "Value": [uid]}} if path[3] == series else None


class Clock:
    today = datetime(2026, 1, 10, 12)

    def __call__(self) -> datetime:
        return self.today


@contextmanager
def following(
    node: Taken, days_back: int = 0, modalities: tuple[str, ...] = ("CR", "DX")
) -> Iterator[tuple[FakeDicomweb, QidoStudies, WebPeer, Clock]]:
    fake, clock = FakeDicomweb(), Clock()
    with web_peer(fake) as peer:
        server = WebServer("source vna", peer.url, seconds=5)
        yield fake, QidoStudies(server, node.intake("vna"), node, modalities, days_back, clock), peer, clock
        server.close()


def fetched(peer: WebPeer) -> list[str]:
    return [asked.path.rpartition("/")[2] for asked in peer.asked if asked.path.count("/") == 7]


@pytest.mark.parametrize("multipart", [True, False])
def test_each_film_of_a_study_is_fetched_once_and_late_ones_too(node: Taken, multipart: bool) -> None:
    with following(node) as (server, source, peer, _):
        server.multipart = multipart
        server.add("2.25.1")
        server.add("2.25.2", modality="CT")
        assert source.look(GO_ON) == 1
        server.add("2.25.3")
        server.add("2.25.4", study="2.25.8", modality="CR")
        assert source.look(GO_ON) == 2
        assert source.look(GO_ON) == 0
        assert fetched(peer) == ["2.25.1", "2.25.3", "2.25.4"] or fetched(peer) == ["2.25.1", "2.25.4", "2.25.3"]
        assert sorted(node.uids) == ["2.25.1", "2.25.3", "2.25.4"]
        assert node.arrivals[0].path.read_bytes() == a_film("2.25.1", study="2.25.9")
        assert {arrival.source for arrival in node.arrivals} == {"vna"}


def test_a_study_that_did_not_grow_is_not_looked_into(node: Taken) -> None:
    with following(node) as (server, source, peer, _):
        server.add("2.25.1")
        source.look(GO_ON)
        before = len(peer.asked)
        source.look(GO_ON)
        assert len(peer.asked) == before + 2  # one question a modality
        server.counts = False  # who says no numbers is looked into every time, and no film is fetched twice
        source.look(GO_ON)
        assert len(peer.asked) > before + 4
        assert fetched(peer) == ["2.25.1"]


def test_it_begins_today_or_as_many_days_ago_as_it_is_told(node: Taken) -> None:
    for days_back, films in ((0, 1), (3, 2)):
        with following(node, days_back) as (server, source, _, _):
            node.cursors.clear()
            server.add("2.25.1", study="2.25.7", day="20260107")
            server.add("2.25.2", study="2.25.8", day="20260110")
            server.add("2.25.3", study="2.25.9", day="20260106")
            assert source.look(GO_ON) == films


def test_after_a_week_without_it_the_week_is_looked_at(node: Taken) -> None:
    with following(node) as (server, source, _, clock):
        server.add("2.25.1")
        source.look(GO_ON)
        clock.today = datetime(2026, 1, 17, 12)
        server.add("2.25.2", study="2.25.7", day="20260112")
        server.add("2.25.3", study="2.25.8", day="20260109")  # the day before the last look
        assert source.look(GO_ON) == 2
        assert source.look(GO_ON) == 0
        assert node.cursors["vna"].startswith('{"since":"20260116"')


@pytest.mark.parametrize("pages", [True, False])
def test_there_may_be_more_studies_than_a_page_holds(
    node: Taken, pages: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hilum.pacs.sources.qido._A_PAGE", 5)
    with following(node, modalities=("DX",)) as (server, source, _, _):
        server.pages = pages
        for number in range(12):
            server.add(f"2.25.{number}", study=f"2.25.1000{number}")
        assert source.look(GO_ON) == 12
        assert len(set(node.uids)) == 12


def test_the_place_is_kept_after_the_film_and_not_before(node: Taken) -> None:
    with following(node) as (server, source, peer, _):
        for number in (1, 2, 3):
            server.add(f"2.25.{number}")
        with node.full_after_one(), pytest.raises(StoreError):
            source.look(GO_ON)
        other = QidoStudies(WebServer("source vna", peer.url), node.intake("vna"), node, ("CR", "DX"), 0, Clock())
        assert other.look(GO_ON) == 2
        other.close()
        assert node.uids == ["2.25.1", "2.25.2", "2.25.3"]
        assert node.in_spool == 3


def test_no_uid_lies_in_the_place(node: Taken) -> None:
    with following(node) as (server, source, _, _):
        server.add("2.25.1234567890123")
        source.look(GO_ON)
        assert "1234567890123" not in node.cursors["vna"]
        assert "2.25" not in node.cursors["vna"]


def test_what_is_no_film_is_left_and_what_is_not_given_is_asked_for_again(
    node: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    with following(node) as (server, source, _, _):
        server.add("2.25.1", content=b"text" * 100)
        server.add("2.25.2", content=404)
        server.add("2.25.3", content=500)
        server.add("2.25.4")
        for _ in range(2):
            with pytest.raises(Unreachable, match=r"does not give an instance \(500\)$"):
                source.look(GO_ON)
        assert source.look(GO_ON) == 1
        assert node.uids == ["2.25.4"]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("content", [b"<html>", {}, b"\xff", b"[" * 9999, [{"0020000D": {"Value": "x"}}]])
def test_who_is_no_dicomweb_is_one_line(node: Taken, status: int, content: object) -> None:
    with following(node) as (_, source, peer, _):
        peer.answer = lambda _: WebSaid(status, content)
        with pytest.raises(Unreachable, match=rf"does not answer queries as DICOMweb does \({status}\)$"):
            source.look(GO_ON)


def test_a_uid_that_is_none_comes_near_no_path(node: Taken) -> None:
    with following(node) as (_, source, peer, _):
        bad = [{"0020000D": {"vr": "UI", "Value": [value]}} for value in ("../1", "", None, "1" * 65, 12)]
        peer.answer = lambda _: WebSaid(200, bad)
        source.look(GO_ON)
        assert {urlsplit(asked.path).path for asked in peer.asked} <= {
            "/dicom-web/studies",
            "/dicom-web/studies/12/series",
        }


@pytest.mark.slow
def test_films_come_out_of_an_orthanc(node: Taken, orthanc: Orthanc) -> None:
    today = datetime.now().strftime("%Y%m%d")
    orthanc.upload(
        a_film("2.25.1", study="2.25.100", day=today),
        a_film("2.25.2", "CT", study="2.25.100", day=today),
        a_film("2.25.3", study="2.25.101", day="20200101"),
    )
    source = Source(name="vna", kind="qido", url=orthanc.dicomweb_url, every_seconds=0.05)
    follower = open_source(source, NodeSettings(), node.spool, node.accept, node)
    follower.start()

    node.wait_for("2.25.1", follower=follower)
    assert node.arrivals[0].path.read_bytes() == a_film("2.25.1", study="2.25.100", day=today)
    orthanc.upload(a_film("2.25.4", study="2.25.100", day=today), a_film("2.25.5", study="2.25.102", day=today))
    node.wait_for("2.25.1", "2.25.4", "2.25.5", follower=follower)
    found = DICOMwebClient(orthanc.dicomweb_url).search_for_series(search_filters={"Modality": "DX"})
    assert len(found) == 4 - 1  # of three studies, as another client sees them
    follower.stop()
