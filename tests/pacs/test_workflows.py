"""From received to sent: each film once, whatever comes twice, fails, or is stopped in between."""

from __future__ import annotations

import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from dbos._sys_db import SystemDatabase
from msgspec.structs import replace
from sqlalchemy.exc import OperationalError

from hilum.answering.reading import FilmHeader
from hilum.errors import RequestError
from hilum.pacs import backing_off, workflows
from hilum.pacs import node as nodes
from hilum.pacs.answerer import FilmHeat
from hilum.pacs.durable import Durable
from hilum.pacs.node import Node
from hilum.pacs.records import AnsweredFilm
from hilum.pacs.senders.outcomes import Refused
from hilum.pacs.starting import check_start
from hilum.store import Database, NodeFilm, backup, restore
from tests.pacs.films import film
from tests.pacs.parts import (
    KeepingSender,
    RuledAnswers,
    arrive,
    refused,
    running,
    settings_of,
    unreachable,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def at_fault(path: Path) -> None:
    raise Refused("pacs refuses a result", "0x0122", False)


def states(node: Node) -> list[str]:
    return sorted(each.state for each in node.store.node_films.latest(100))


def only(node: Node) -> NodeFilm:
    (found,) = node.store.node_films.latest(100)
    return found


def test_a_film_comes_in_and_its_report_goes_out(tmp_path: Path) -> None:
    pacs, answers = KeepingSender(), RuledAnswers()
    with running(settings_of(tmp_path, "pacs"), answers, pacs) as node:
        arrive(node, film(1))
        wait_until(lambda: only(node).state == "sent")
        report = pydicom.dcmread(BytesIO(pacs.taken[0]))
        assert report.SOPInstanceUID == only(node).report
        assert report.StudyInstanceUID == film(1).StudyInstanceUID
        arrive(node, film(1))  # once more
        assert states(node) == ["sent"]
    assert answers.asked == 1


def test_what_was_not_sent_is_sent_after_the_next_start_and_is_the_same(tmp_path: Path) -> None:
    pacs, answers = KeepingSender(outcome=unreachable), RuledAnswers()
    settings = settings_of(tmp_path, "pacs")
    with running(settings, answers, pacs) as node:
        for number in range(1, 4):
            arrive(node, film(number))
        wait_until(lambda: states(node) == ["reported"] * 3 and pacs.tries >= 2)
    pacs.outcome = lambda path: None
    with running(settings, answers, pacs) as node:
        wait_until(lambda: states(node) == ["sent"] * 3)
    assert answers.asked == 3


@pytest.mark.parametrize(("ended", "asked"), [(2, 3), (3, 3)])
def test_a_film_whose_reading_process_is_ended_is_read_again_before_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: int, asked: int
) -> None:
    """How busy the machine was is no property of the film; one that ends three processes is reported as unread."""
    monkeypatch.setattr(workflows, "pause_after", lambda failures: 0.01)
    pacs, answers = KeepingSender(), RuledAnswers(ended=ended)
    with running(settings_of(tmp_path, "pacs"), answers, pacs) as node:
        arrive(node, film(1))
        wait_until(lambda: only(node).state == "sent")
        stored = node.store.predictions.get(only(node).prediction)
    assert answers.asked == asked
    assert stored is not None
    assert bool(stored.row.error) == (ended == 3)


def test_pictures_are_drawn_once_no_film_waits_for_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture with its heat map takes as long as many answers; in a burst they would hold up every report."""
    monkeypatch.setattr(workflows, "_MOST_LOOKS", 1_000)
    burst_is_here, waiting = threading.Event(), []

    class Answers(RuledAnswers):
        def answer(self, path: Path) -> tuple[AnsweredFilm, FilmHeader]:
            assert burst_is_here.wait(60)
            return super().answer(path)

        def heat(self, path: Path) -> FilmHeat:
            waiting.append(node.store.node_films.backlog().films)
            return super().heat(path)

    pacs = KeepingSender()
    with running(settings_of(tmp_path, "pacs"), Answers(seconds=0.1), pacs) as node:
        for number in range(1, 49):
            arrive(node, film(number, size=(64, 56)))
        burst_is_here.set()
        wait_until(lambda: len(pacs.taken) == 96)
    assert waiting == [0] * 48
    kinds = [pydicom.dcmread(BytesIO(each)).Modality for each in pacs.taken]
    assert kinds.count("SR") == kinds.count("OT") == 48


def test_a_picture_that_cannot_be_drawn_is_named_and_drawn_after_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing_off, "pause_after", lambda failures: 0.01)
    pacs, answers = KeepingSender(), RuledAnswers(undrawable=5)
    settings = settings_of(tmp_path, "pacs")
    with running(settings, answers, pacs) as node:
        arrive(node, film(1))
        wait_until(lambda: node.store.node_films.undrawn() == {"an error of the program (MemoryError)": 1})
        wait_until(lambda: only(node).state == "sent")
        assert only(node).undrawn
        assert answers.undrawable == 0
    with running(settings, answers, pacs) as node:
        wait_until(lambda: len(pacs.taken) == 2)
        assert node.store.node_films.undrawn() == {}


def test_a_restored_backup_goes_on_where_the_store_was(tmp_path: Path) -> None:
    """A backup holds what is to be done; the queues, which are another library's tables, are filled from it."""
    pacs, answers = KeepingSender(outcome=unreachable), RuledAnswers()
    settings = settings_of(tmp_path, "pacs")
    with running(settings, answers, pacs) as node:
        arrive(node, film(1))
        wait_until(lambda: states(node) == ["reported"])
        backup(node.store.database, tmp_path / "backup.db")
    for path in tmp_path.glob("hilum.db*"):
        path.unlink()
    database = Database(settings.node.store)
    restore(database, tmp_path / "backup.db")
    database.close()
    pacs.outcome = lambda path: None
    with running(settings, answers, pacs) as node:
        wait_until(lambda: states(node) == ["sent"] and len(pacs.taken) == 2)  # with its picture
    assert answers.asked == 1


def test_workflows_that_were_done_are_forgotten_and_films_are_not(tmp_path: Path) -> None:
    pacs, answers = KeepingSender(), RuledAnswers()
    with running(settings_of(tmp_path, "pacs"), answers, pacs) as node:
        arrive(node, film(1))
        wait_until(lambda: len(pacs.taken) == 2)
        durable = Durable(node.store.database, "other")
        wait_until(lambda: not durable.client.list_workflows(status=["PENDING", "ENQUEUED"]))
        assert durable.forget(datetime.now(UTC) - timedelta(hours=1)) == 0
        assert durable.forget(datetime.now(UTC) + timedelta(hours=1)) == 4
        arrive(node, film(1))
        assert states(node) == ["sent"]
        assert durable.client.list_workflows() == []
    assert answers.asked == 1


def test_what_was_refused_is_sent_again_by_hand_and_at_the_next_start(tmp_path: Path) -> None:
    pacs, answers = KeepingSender(outcome=at_fault), RuledAnswers()
    settings = settings_of(tmp_path, "pacs")
    with running(settings, answers, pacs) as node:
        arrive(node, film(1))
        wait_until(lambda: node.store.node_sendings.counts() == {("pacs", "refused"): 2})
        assert states(node) == ["refused"]
        assert node.send_again() == 2
        wait_until(lambda: node.store.node_sendings.counts() == {("pacs", "refused"): 2})
    pacs.outcome = lambda path: None
    with running(settings, answers, pacs) as node:
        wait_until(lambda: node.store.node_sendings.counts() == {("pacs", "sent"): 2})
        assert states(node) == ["sent"]


def test_two_nodes_do_not_share_a_sqlite_file_or_a_name(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "pacs")
    with running(settings, RuledAnswers(), KeepingSender()):
        with pytest.raises(RequestError, match=r"node/node: process \d+ on .* is writing it; a node runs with it"):
            Node(settings, lambda _: RuledAnswers(), lambda _: KeepingSender()).start()
        with pytest.raises(RequestError, match="a node runs with it already"):
            check_start(settings)


def test_nodes_with_stores_of_their_own_do_not_share_a_folder(tmp_path: Path) -> None:
    """What lies there without a row in its own store a node would sweep up, answer and remove."""
    settings = settings_of(tmp_path, "pacs")
    other = replace(settings.node, name="other", store=str(tmp_path / "other.db"))
    with running(settings, RuledAnswers(), KeepingSender()), pytest.raises(RequestError, match="a node runs with it"):
        Node(replace(settings, node=other), lambda _: RuledAnswers(), lambda _: KeepingSender()).start()


def test_a_node_waits_for_no_answer_of_a_pacs_when_it_stops_and_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "_STOPPING_SECONDS", 120)
    pacs = KeepingSender(outcome=unreachable)
    before = set(threading.enumerate())
    with running(settings_of(tmp_path, "pacs"), RuledAnswers(), pacs) as node:
        for number in range(1, 6):
            arrive(node, film(number))
        wait_until(lambda: pacs.tries > 0)
        began = time.monotonic()
    assert time.monotonic() - began < 20
    wait_until(lambda: {each.name for each in set(threading.enumerate()) - before if not each.daemon} == set())


def test_what_could_not_be_written_down_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is full for a while."""
    pacs, answers = KeepingSender(), RuledAnswers()
    node = Node(settings_of(tmp_path, "pacs"), lambda _: answers, lambda _: pacs, beat_seconds=1.0)
    node.start()
    failing = {"start_queued_workflows": 2, "update_workflow_outcome": 2}
    for name in failing:
        real = getattr(SystemDatabase, name)

        def full(*args: Any, name: str = name, real: Any = real, **options: Any) -> Any:
            if failing[name]:
                failing[name] -= 1
                raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
            return real(*args, **options)

        monkeypatch.setattr(SystemDatabase, name, full)
    try:
        arrive(node, film(1))
        wait_until(lambda: len(pacs.taken) == 2 and states(node) == ["sent"])
        wait_until(lambda: not Durable(node.store.database, "other").active())
    finally:
        node.stop()
    assert failing == {"start_queued_workflows": 0, "update_workflow_outcome": 0}
    assert answers.asked == 1


def test_a_result_does_not_wait_for_a_time_of_day_that_was_set_back(tmp_path: Path) -> None:
    """What a PACS has refused is sent again after seconds, which were counted from a day that is not today."""
    pacs = KeepingSender(outcome=refused)
    node = Node(settings_of(tmp_path, "pacs"), lambda _: RuledAnswers(), lambda _: pacs, beat_seconds=1.0)
    node.start()
    try:
        arrive(node, film(1))
        client = Durable(node.store.database, "other").client
        wait_until(lambda: client.list_workflows(status="DELAYED"))
        for each in client.list_workflows(status="DELAYED"):
            client.set_workflow_delay(each.workflow_id, delay_seconds=86_400.0)
        pacs.outcome = lambda path: None
        wait_until(lambda: states(node) == ["sent"])
    finally:
        node.stop()
