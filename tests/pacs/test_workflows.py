"""From received to sent: each film once, whatever comes twice, fails, or is stopped in between."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from hilum.pacs import workflows
from hilum.pacs.node import Node
from hilum.store import NodeFilm
from tests.pacs.films import film
from tests.pacs.parts import KeepingSender, RuledAnswers, arrive, running, settings_of, unreachable, wait_until

pytestmark = pytest.mark.slow


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
