"""A result is sent until it is taken, and called sent only then; one that is refused holds up no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.pacs.backing_off import LONGEST_SECONDS, Stopping
from hilum.pacs.dispatch import MOST_REFUSALS
from hilum.pacs.senders.outcomes import Refused
from tests.pacs.films import film
from tests.pacs.parts import KeepingSender, RuledAnswers, StillClock, Workbench, refused, unreachable


def reported(folder: Path, pacs: KeepingSender, clock: StillClock | None = None) -> tuple[Workbench, str]:
    bench = Workbench(folder, RuledAnswers(), pacs, clock=clock)
    id_ = bench.arrive(film(1)).workflow_id
    bench.report(id_)
    return bench, id_


def test_a_result_is_sent_once(tmp_path: Path) -> None:
    pacs = KeepingSender()
    bench, id_ = reported(tmp_path, pacs)
    for _ in range(2):
        assert bench.dispatch.send(id_, "report", "pacs") == "sent"
    assert pacs.taken == [bench.folders.result(id_, "report").read_bytes()]
    assert bench.film(id_).state == "sent"


def test_a_destination_that_is_down_for_an_hour_gets_it_afterwards(tmp_path: Path) -> None:
    pacs = KeepingSender(outcome=unreachable)

    def come_back(seconds: float) -> bool:
        assert bench.film(id_).state == "reported"
        if seconds > 3600:
            pacs.outcome = lambda path: None
        return False

    clock = StillClock(during=come_back)
    bench, id_ = reported(tmp_path, pacs, clock)
    assert bench.dispatch.send(id_, "report", "pacs") == "sent"
    assert sum(clock.waits) > 3600
    assert len(clock.waits) < 160  # about once a minute
    assert max(clock.waits) <= LONGEST_SECONDS
    assert len(set(clock.waits)) == len(clock.waits)  # no two nodes come back together
    (state,) = bench.store.node_sendings.destinations()
    assert state.down_since is None
    assert state.last_accepted is not None


def test_it_is_seen_since_when_a_destination_is_down(tmp_path: Path) -> None:
    pacs = KeepingSender(outcome=unreachable)
    bench, id_ = reported(tmp_path, pacs, StillClock(during=lambda seconds: seconds > 100))
    with pytest.raises(Stopping):
        bench.dispatch.send(id_, "report", "pacs")
    (state,) = bench.store.node_sendings.destinations()
    assert state.down_since is not None
    assert state.down_why == "pacs: no answer"
    sending = bench.store.node_sendings.get(id_, "report", "pacs")
    assert sending is not None
    assert sending.state == "waiting"


def test_a_refused_result_is_tried_a_few_times_and_then_stays_refused(tmp_path: Path) -> None:
    pacs = KeepingSender(outcome=refused)
    bench, id_ = reported(tmp_path, pacs)
    outcomes = [bench.dispatch.send(id_, "report", "pacs") for _ in range(MOST_REFUSALS)]
    assert outcomes == ["waiting"] * (MOST_REFUSALS - 1) + ["refused"]
    assert len(bench.later) == MOST_REFUSALS - 1
    assert bench.clock.waits == []  # others go on meanwhile
    film_row = bench.film(id_)
    assert (film_row.state, film_row.why) == ("refused", "pacs: refused with status 0xA700")
    assert pacs.taken == []


def test_a_result_that_is_at_fault_itself_is_not_tried_often(tmp_path: Path) -> None:
    def at_fault(path: Path) -> None:
        raise Refused("pacs refuses a result, and says: DOE^JANE", "0x0122", False)

    bench, id_ = reported(tmp_path, KeepingSender(outcome=at_fault))
    assert [bench.dispatch.send(id_, "report", "pacs") for _ in range(2)] == ["waiting", "refused"]
    assert "DOE" not in bench.film(id_).why


def test_what_was_refused_can_be_sent_again(tmp_path: Path) -> None:
    pacs = KeepingSender(outcome=refused)
    bench, id_ = reported(tmp_path, pacs)
    for _ in range(MOST_REFUSALS):
        bench.dispatch.send(id_, "report", "pacs")
    pacs.outcome = lambda path: None
    bench.store.node_sendings.again(lambda *_: None)
    assert bench.dispatch.send(id_, "report", "pacs") == "sent"
    assert (bench.film(id_).state, bench.film(id_).why) == ("sent", "")


def test_a_result_whose_file_is_gone_is_made_again_and_is_the_same(tmp_path: Path) -> None:
    pacs = KeepingSender()
    bench, id_ = reported(tmp_path, pacs)
    content = bench.folders.result(id_, "report").read_bytes()
    bench.folders.result(id_, "report").unlink()
    assert bench.dispatch.send(id_, "report", "pacs") == "sent"
    assert pacs.taken == [content]
