"""A film is noted, enqueued and where its row says, before anybody is told that it was taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.errors import StoreError
from hilum.pacs.records import DetectorFacts
from hilum.pacs.settings import Films
from tests.pacs.films import file_bytes, film
from tests.pacs.parts import FACTS, RuledAnswers, Workbench
from tests.pacs.spooling import put


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path, RuledAnswers())


def files(bench: Workbench) -> list[Path]:
    return sorted(path for path in bench.folders.folder.rglob("*") if path.is_file())


def test_a_film_is_enqueued_under_its_key(bench: Workbench) -> None:
    found = bench.arrive(film(1))
    assert bench.enqueued == [found.workflow_id]
    assert files(bench) == [bench.folders.file(found.file)]
    assert (found.state, found.source, found.node) == ("received", "CR1", "node")


def test_the_row_holds_no_identifier(bench: Workbench) -> None:
    ds = film(1)
    row = repr(bench.arrive(ds))
    for secret in (ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.PatientID, str(ds.PatientName)):
        assert secret not in row


def test_a_film_that_comes_again_is_one_film_and_one_file(bench: Workbench) -> None:
    first = bench.arrive(film(1))
    again = bench.arrive(film(1))
    assert again == first
    assert bench.enqueued == [first.workflow_id]
    assert files(bench) == [bench.folders.file(first.file)]


def test_a_film_that_failed_and_comes_again_leaves_no_second_file(bench: Workbench) -> None:
    """A file that no row names is a new film at the next start."""
    first = bench.arrive(film(1))
    bench.store.node_films.change(first.workflow_id, "failed", "no report could be made")
    again = bench.arrive(film(1))
    assert (again.state, again.workflow_id) == ("received", first.workflow_id)
    assert files(bench) == [bench.folders.file(again.file)]


def test_a_film_whose_file_was_lost_before_its_answer_takes_the_new_one(bench: Workbench) -> None:
    first = bench.arrive(film(1))
    bench.folders.file(first.file).unlink()
    again = bench.arrive(film(1))
    assert again.file != first.file
    assert bench.folders.file(again.file).exists()


def test_the_same_uid_with_other_pixels_is_moved_aside_and_named(bench: Workbench) -> None:
    bench.arrive(film(1))
    other = bench.arrive(film(1, pixels=2))
    assert other.state == "quarantined"
    assert "other pixels" in other.why
    assert bench.folders.file(other.file).parent == bench.folders.quarantine
    assert bench.folders.file(other.file).read_bytes() == file_bytes(film(1, pixels=2))
    assert len(bench.enqueued) == 1
    assert bench.store.node_films.counts() == {"received": 1, "quarantined": 1}


def test_what_is_left_alone_is_counted_and_not_kept(bench: Workbench) -> None:
    assert bench.arrive(film(1, view="LL")).state == "left alone"
    assert bench.enqueued == []
    assert files(bench) == []


def test_what_is_left_alone_is_enqueued_where_reports_on_it_are_asked_for(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, RuledAnswers(), films=Films(report_others=True))
    found = bench.arrive(film(1, view="LL"))
    assert (found.state, found.why) == ("received", "a lateral film")
    assert bench.enqueued == [found.workflow_id]


def test_a_film_is_still_there_where_the_store_does_not_take_it(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(bench.queue, "_enqueue", fail)
    with pytest.raises(StoreError):
        bench.arrive(film(1))
    assert bench.store.node_films.counts() == {}
    assert len(files(bench)) == 1


def test_films_without_a_row_are_swept_up_at_the_start(bench: Workbench) -> None:
    known = bench.arrive(film(1))
    put(bench.folders.films, file_bytes(film(2)), "CR2")  # killed before it was enqueued
    put(bench.folders.films, file_bytes(film(1)), "CR1")  # killed before the second one was removed
    put(bench.folders.films, b"no DICOM at all", "CR1")  # nobody was told that this was taken
    assert bench.queue.sweep() == 3
    assert len(bench.enqueued) == 2
    swept = next(each for each in bench.store.node_films.latest() if each.workflow_id != known.workflow_id)
    assert swept.source == "CR2"
    assert [path.parent.name for path in files(bench)] == ["films", "films", "quarantine"]
    assert bench.queue.sweep() == 0


def test_a_film_that_was_not_moved_aside_before_a_kill_is_moved_at_the_start(bench: Workbench) -> None:
    bench.arrive(film(1))
    other = bench.arrive(film(1, pixels=2))
    back = bench.folders.films.folder / Path(other.file).name
    bench.folders.file(other.file).rename(back)
    bench.store.node_films.move_file(other.workflow_id, bench.folders.named(back))
    bench.queue.sweep()
    moved = bench.film(other.workflow_id)
    assert moved.file == other.file
    assert bench.folders.file(moved.file).exists()


def test_a_film_that_waits_is_not_enqueued_twice_for_another_detector(tmp_path: Path) -> None:
    first = Workbench(tmp_path, RuledAnswers()).arrive(film(1))
    other = Workbench(tmp_path, RuledAnswers(DetectorFacts("other", "1.0", "6" * 64, *facts_but_names())))
    assert other.arrive(film(1)).workflow_id == first.workflow_id
    assert other.enqueued == []


def facts_but_names() -> tuple[str, tuple[str, ...], float | None]:
    return FACTS.operating_point, FACTS.classes, FACTS.threshold


def test_a_film_that_was_left_alone_is_answered_when_it_comes_again_and_now_is_one(tmp_path: Path) -> None:
    first = Workbench(tmp_path, RuledAnswers()).arrive(film(1, Modality="RF"))
    assert first.state == "left alone"
    later = Workbench(tmp_path, RuledAnswers(), films=Films(modalities=("RF",)))
    again = later.arrive(film(1, Modality="RF"))
    assert (again.workflow_id, again.state, again.why) == (first.workflow_id, "received", "")
    assert later.enqueued == [first.workflow_id]
    assert later.folders.file(again.file).exists()


def test_a_film_that_failed_is_answered_when_it_comes_again(bench: Workbench) -> None:
    first = bench.arrive(film(1))
    bench.store.node_films.change(first.workflow_id, "failed", "its file is gone")
    again = bench.arrive(film(1))
    assert again.state == "received"
    assert bench.enqueued == [first.workflow_id] * 2
    assert bench.report(first.workflow_id)
