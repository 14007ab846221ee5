"""Files go once nothing needs them any more, and not before."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hilum.pacs.retention import FolderRetention
from hilum.pacs.settings import Keep
from tests.pacs.films import film
from tests.pacs.parts import KeepingSender, RuledAnswers, Workbench, refused

SOON, LATER = timedelta(hours=2), timedelta(days=40)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path, RuledAnswers(), KeepingSender())


def clean(bench: Workbench, after: timedelta) -> int:
    retention = FolderRetention(Keep(), bench.store, bench.folders, lambda before: 0, seconds=1000)
    retention.close()
    return retention.clean(datetime.now(UTC) + after)


def test_a_film_stays_until_each_of_its_results_was_sent(bench: Workbench) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    path = bench.folders.file(bench.film(id_).file)
    for step in (
        lambda: None,
        lambda: bench.steps.predict(id_),
        lambda: bench.steps.report(id_),
        lambda: bench.dispatch.send(id_, "report", "pacs"),
        lambda: bench.steps.draw(id_),
    ):
        step()
        clean(bench, SOON)
        assert path.exists()
    bench.dispatch.send(id_, "capture", "pacs")
    assert clean(bench, timedelta(0)) == 0
    assert clean(bench, SOON) == 1
    assert not path.exists()
    assert bench.film(id_).file == ""
    assert bench.film(id_).state == "sent"


def test_results_stay_for_a_day_and_while_they_wait(bench: Workbench) -> None:
    sent, waiting = (bench.arrive(film(number)).workflow_id for number in (1, 2))
    for id_ in (sent, waiting):
        bench.report(id_)
    bench.dispatch.send(sent, "report", "pacs")
    assert clean(bench, SOON) == 0
    clean(bench, LATER)
    assert not bench.folders.result(sent, "report").exists()
    assert bench.folders.result(waiting, "report").exists()


def test_what_was_refused_stays_for_being_sent_again(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, RuledAnswers(), KeepingSender(outcome=refused))
    id_ = bench.arrive(film(1)).workflow_id
    bench.report(id_)
    while bench.dispatch.send(id_, "report", "pacs") != "refused":
        pass
    clean(bench, timedelta(days=10))
    assert bench.folders.file(bench.film(id_).file).exists()
    clean(bench, LATER)
    assert bench.film(id_).file == ""


def test_what_was_set_apart_goes_after_its_time(bench: Workbench) -> None:
    bench.arrive(film(1))
    other = bench.arrive(film(1, pixels=2))
    clean(bench, timedelta(days=10))
    assert bench.folders.file(other.file).exists()
    clean(bench, LATER)
    assert not bench.folders.file(other.file).exists()
    assert bench.store.node_films.counts()["quarantined"] == 1


def test_what_was_erased_goes_at_once_and_for_good(bench: Workbench) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    bench.report(id_)
    bench.steps.draw(id_)
    bench.store.retention.erase_study(bench.film(id_).study)
    clean(bench, timedelta(0))
    assert bench.store.node_films.get(id_) is None
    assert [path for path in bench.folders.folder.rglob("*") if path.is_file()] == []
    assert bench.dispatch.send(id_, "report", "pacs") == "sent"  # there is nothing to send any more


def test_what_a_killed_process_left_half_written_goes(bench: Workbench) -> None:
    left = bench.folders.results / ".x.1.part"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert clean(bench, timedelta(0)) == 1
