"""Each step may be done again at any time, and comes to the same bytes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from hilum.pacs.settings import Films, NodeSection
from hilum.pacs.steps import USER
from tests.pacs.films import film
from tests.pacs.parts import FACTS, KeepingSender, RuledAnswers, Workbench

OTHER = replace(FACTS, name="other", seal="6" * 64)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path, RuledAnswers(), KeepingSender())


def read(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(content))


def words(report: bytes) -> str:
    """All that it says, as it is in the file."""
    return report.decode("latin-1")


def test_a_report_follows_from_the_row_alone(bench: Workbench, tmp_path: Path) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    report = bench.report(id_)
    bench.folders.result(id_, "report").unlink()
    after = Workbench(tmp_path, RuledAnswers(prob=0.9), KeepingSender())  # the same node, started again
    after.steps.make_again(after.film(id_), "report")
    assert after.folders.result(id_, "report").read_bytes() == report
    assert after.answers.asked == 0


def test_a_film_is_answered_once(bench: Workbench) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    first = bench.report(id_)
    assert bench.report(id_) == first
    assert bench.answers.asked == 1
    assert bench.sending == [(id_, "report", "pacs")]
    assert bench.captures == [id_]
    (stored,) = bench.store.predictions.find_many([bench.store.predictions.get(bench.film(id_).prediction).key])  # type: ignore[union-attr]
    assert stored is not None
    assert stored.key.user == USER


def test_the_reports_uid_and_time_are_those_of_the_answer(bench: Workbench) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    report, row = read(bench.report(id_)), bench.film(id_)
    assert report.SOPInstanceUID == row.report
    assert row.answered is not None
    assert f"{row.answered:%Y%m%d%H%M%S.%f}" == report.ContentDate + report.ContentTime


def test_a_capture_is_drawn_and_enqueued_for_where_the_report_goes(bench: Workbench) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    bench.report(id_)
    bench.steps.draw(id_)
    path = bench.folders.result(id_, "capture")
    first = path.read_bytes()
    assert read(first).SOPInstanceUID == bench.film(id_).capture
    assert bench.sending[1:] == [(id_, "capture", "pacs")]
    path.unlink()
    bench.steps.draw(id_)
    assert path.read_bytes() == first


def test_a_late_film_names_the_reports_before_it_also_when_made_again(bench: Workbench, tmp_path: Path) -> None:
    first, second, third = (bench.arrive(film(number, study=1)).workflow_id for number in (1, 2, 3))
    bench.report(second)
    report = bench.report(first)
    bench.report(third)
    predecessors = read(report).PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert [each.ReferencedSOPInstanceUID for each in predecessors] == [bench.film(second).report]
    # Only the report of the earlier film is left.
    bench.folders.file(bench.film(second).file).unlink()
    bench.store.node_films.move_file(second, "")
    bench.steps.make_again(bench.film(first), "report")
    assert bench.folders.result(first, "report").read_bytes() == report


def test_a_film_that_no_report_can_be_made_of_is_no_predecessor(bench: Workbench) -> None:
    """Nor may it keep the other films of its study from their reports, whichever of the two is further."""
    wrong = bench.arrive(film(1, study=1, drop=("SeriesInstanceUID",))).workflow_id
    right = bench.arrive(film(2, study=1)).workflow_id
    bench.steps.predict(wrong)
    report = bench.report(right)
    assert "PredecessorDocumentsSequence" not in read(report)
    bench.steps.report(wrong)
    assert bench.film(wrong).state == "failed"
    bench.steps.make_again(bench.film(right), "report")
    assert bench.folders.result(right, "report").read_bytes() == report


def test_a_film_that_waited_while_the_detector_was_changed_says_who_answered(tmp_path: Path) -> None:
    before = Workbench(tmp_path, RuledAnswers(), KeepingSender())
    answered, waiting = (before.arrive(film(number)).workflow_id for number in (1, 2))
    before.steps.predict(answered)
    after = Workbench(tmp_path, RuledAnswers(OTHER, prob=0.6), KeepingSender())
    reports = [read(after.report(id_)) for id_ in (answered, waiting)]
    assert [after.film(id_).seal for id_ in (answered, waiting)] == [FACTS.seal, OTHER.seal]
    assert [each.ManufacturerModelName for each in reports] == ["rule", "other"]
    assert [each.SOPInstanceUID for each in reports] == [after.film(id_).report for id_ in (answered, waiting)]
    after.steps.draw(answered)
    assert after.answers.asked == 1


def test_a_waiting_film_has_the_results_that_it_would_have_if_it_came_now(tmp_path: Path) -> None:
    id_ = Workbench(tmp_path, RuledAnswers(), KeepingSender()).arrive(film(1)).workflow_id
    after = Workbench(tmp_path, RuledAnswers(OTHER), KeepingSender())
    late = read(after.report(id_))
    fresh = Workbench(tmp_path / "fresh", RuledAnswers(OTHER), KeepingSender())
    now = read(fresh.report(fresh.arrive(film(1)).workflow_id))
    assert late.SOPInstanceUID == now.SOPInstanceUID


def test_a_film_that_is_not_judged_gets_a_report_that_says_so(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, RuledAnswers(not_judged="It looks like noise."), KeepingSender())
    report = bench.report(bench.arrive(film(1)).workflow_id)
    assert "It looks like noise." in words(report)
    assert "111245" in words(report)  # No algorithms succeeded; without findings (PS3.16, CID 6045)


def test_what_is_left_alone_gets_a_report_where_that_is_asked_for(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, RuledAnswers(), KeepingSender(), films=Films(report_others=True))
    id_ = bench.arrive(film(1, BodyPartExamined="HAND")).workflow_id
    report = bench.report(id_)
    assert "it is of another part of the body than the chest (HAND)." in words(report)
    assert bench.answers.asked == 0
    assert bench.captures == []


def test_an_adult_is_left_alone_once_the_detector_has_said_so(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, RuledAnswers(not_judged="is an adult's, says the header"), KeepingSender())
    id_ = bench.arrive(film(1, age="064Y")).workflow_id
    assert bench.steps.predict(id_) == "left alone"
    assert bench.steps.report(id_) == "left alone"
    assert bench.sending == []


def test_a_film_of_nobody_fails_with_its_reason(bench: Workbench) -> None:
    id_ = bench.arrive(film(1, drop=["StudyInstanceUID"])).workflow_id
    bench.steps.predict(id_)
    assert bench.steps.report(id_) == "failed"
    assert "StudyInstanceUID" in bench.film(id_).why


def test_in_shadow_mode_everything_is_made_and_nothing_is_sent(tmp_path: Path) -> None:
    node = NodeSection(store=str(tmp_path / "hilum.db"), folder=str(tmp_path / "node"), shadow=True)
    bench = Workbench(tmp_path, RuledAnswers(), KeepingSender(), node=node)
    id_ = bench.arrive(film(1)).workflow_id
    bench.report(id_)
    bench.steps.draw(id_)
    assert bench.film(id_).state == "shadow"
    assert bench.sending == []
    assert sorted(path.name for path in bench.folders.shadow.iterdir()) == [f"{id_}-capture.dcm", f"{id_}-report.dcm"]
    assert list(bench.folders.results.iterdir()) == []


def test_a_uid_of_a_type_that_there_is_not_is_said_to_be_none(bench: Workbench) -> None:
    id_ = bench.arrive(film(1)).workflow_id
    bench.steps.predict(id_)
    path = bench.folders.file(bench.film(id_).file)
    path.write_bytes(path.read_bytes().replace(b"\x20\x00\x0d\x00UI", b"\x20\x00\x0d\x00ZZ"))
    assert bench.steps.report(id_) == "failed"
    assert "no valid StudyInstanceUID" in bench.film(id_).why
