"""A node's metrics, as Prometheus' own parser reads them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from hilum.errors import RequestError
from hilum.pacs.metrics import MetricsServer, NodeMetrics
from hilum.pacs.receiver import ReceiverFigures
from hilum.pacs.sources.following import SourceState
from hilum.store import NewNodeFilm, Store, open_store
from tests.house import ROOT


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(str(tmp_path / "hilum.db")) as opened:
        yield opened


def figures(text: bytes) -> dict[str, float]:
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def enqueue(connection: Connection, workflow_id: str, again: bool) -> None:
    pass


def test_what_the_store_holds_is_counted(store: Store) -> None:
    film = NewNodeFilm("0" * 64, "i", "s", "p", "seal", "youden", "node", "STRANGER", "file")
    store.node_films.receive(film, enqueue)
    store.node_sendings.add(film.workflow_id, "report", ["pacs"])
    store.node_sendings.unreachable("pacs", "no answer")
    store.node_state.beat("node", alarm="too many")
    text = NodeMetrics(store).text()
    found = figures(text)
    assert found["hilum_node_store_up"] == 1
    assert found["hilum_node_films received"] == found["hilum_node_backlog_films"] == 1
    assert found["hilum_node_films sent"] == 0
    assert 0 <= found["hilum_node_backlog_seconds"] < 60
    assert found["hilum_node_results pacs waiting"] == 1
    assert found["hilum_node_destination_up pacs"] == 0
    assert found["hilum_node_alarm node"] == 1
    assert found["hilum_node_heartbeat_seconds node"] < 60
    assert b"STRANGER" not in text
    assert film.workflow_id[:12].encode() not in text


def test_a_store_that_does_not_answer_is_said(store: Store) -> None:
    store.close()
    with store.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE node_films")
    found = figures(NodeMetrics(store).text())
    assert found["hilum_node_store_up"] == 0
    assert "hilum_node_backlog_films" not in found


def test_steps_are_timed_whether_they_succeed_or_not(store: Store) -> None:
    metrics = NodeMetrics(store)
    with metrics.timed("answer"):
        pass
    with pytest.raises(ValueError, match="no"), metrics.timed("answer"):
        raise ValueError("no")
    found = figures(metrics.text())
    assert found["hilum_node_step_seconds_count answer"] == 2


def test_reasons_are_counted_without_what_a_header_says(store: Store) -> None:
    for number, part in enumerate(("ABDOMEN", "CANARY JANE", "HAND")):
        why = f"of another part of the body than the chest ({part})"
        film = NewNodeFilm(f"{number:064}", "", "", f"p{number}", "s", "y", "node", "X", "", "left alone", why)
        store.node_films.receive(film, enqueue)
    found = figures(NodeMetrics(store).text())
    of_chest = "hilum_node_films_without_report of another part of the body than the chest (…) left alone"
    assert {name: value for name, value in found.items() if "without_report" in name} == {of_chest: 3}


def test_why_pictures_are_missing_is_counted(store: Store) -> None:
    for number in range(2):
        film = NewNodeFilm(f"{number:064x}", f"i{number}", "s", f"p{number}", "seal", "youden", "node", "CT", "file")
        store.node_films.receive(film, enqueue)
        store.node_films.not_drawn(film.workflow_id, "an error of the program (MemoryError)")
    found = figures(NodeMetrics(store).text())
    assert found["hilum_node_films_without_capture an error of the program (MemoryError)"] == 2


def test_a_receiver_is_asked_for_what_it_counts(store: Store) -> None:
    metrics = NodeMetrics(store)
    metrics.watch_receiver(
        lambda: ReceiverFigures(2, 5, {"0x0000": 7, "0xA700": 1}, {"address": 3}, 1, {"caller": 4})
    )
    found = figures(metrics.text())
    assert (found["hilum_node_associations"], found["hilum_node_connections"]) == (2, 5)
    assert (found["hilum_node_stored_total 0x0000"], found["hilum_node_stored_total 0xA700"]) == (7, 1)
    assert found["hilum_node_connections_refused_total address"] == 3
    assert found["hilum_node_connections_refused_total room"] == 1
    assert found["hilum_node_associations_rejected_total caller"] == 4


def test_sources_are_asked_how_they_are_doing(store: Store) -> None:
    metrics = NodeMetrics(store)
    now = datetime.now(UTC)
    states = [SourceState("archive", 7, now, None, ""), SourceState("scans", 0, None, now, "it is down")]
    metrics.watch_sources(lambda: states)
    found = figures(metrics.text())
    assert (found["hilum_node_source_up archive"], found["hilum_node_source_up scans"]) == (1, 0)
    assert found["hilum_node_source_films_total archive"] == 7


def test_the_page_names_every_metric(store: Store) -> None:
    metrics = NodeMetrics(store)
    metrics.watch_receiver(lambda: ReceiverFigures(0, 0, {}, {}, 0, {}))
    metrics.watch_sources(list)
    metrics.watch_certificates(())
    there = {family.name for family in text_string_to_metric_families(metrics.text().decode())}
    page = (ROOT / "docs" / "pacs.md").read_text("utf-8")
    assert set(re.findall("hilum_node_[a-z_]+", page)) == there


def test_prometheus_is_given_them_over_http(store: Store) -> None:
    server = MetricsServer(NodeMetrics(store), "127.0.0.1", 0)
    try:
        with urlopen(f"http://127.0.0.1:{server.port}/metrics") as reply:
            assert figures(reply.read())["hilum_node_store_up"] == 1
        with pytest.raises(RequestError, match=f"127.0.0.1:{server.port}: cannot listen there"):
            MetricsServer(NodeMetrics(store), "127.0.0.1", server.port)
    finally:
        server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port)).close()
