"""The report: whole sentences, charts that need no network, and nobody's markup but its own."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from hilum.confidence import ScoreReference
from hilum.monitoring import Expected, over_time, statements, write_report
from hilum.monitoring.charts import WIDTH, _rounded_up
from hilum.monitoring.time_record import DetectorInUse
from hilum.records import Reading
from tests.monitoring.conftest import drawn, observed, stopped


@pytest.fixture(scope="module")
def in_use(reference: ScoreReference) -> DetectorInUse:
    """A detector whose films are of another mix of classes than in validation, and which readers check."""
    rng = np.random.default_rng(2)
    films = []
    for number, score in enumerate(drawn(rng, 450, prior=0.2)[1]):
        if number % 10 == 9:
            films.append(stopped(number, "looks like <script>"))
        elif number % 3 == 0:
            films.append(observed(number, score, Reading("PNEUMONIA" if score > 0.4 else "NORMAL", number % 2 == 0)))
        else:
            films.append(observed(number, score))
    (found,) = over_time(films, {"5ea1": Expected(reference, 0.01)})
    return found


def test_what_has_changed_is_said_first_and_in_whole_sentences(in_use: DetectorInUse) -> None:
    said = statements(in_use)
    assert [each.state for each in said] == ["changed", "changed", "not known", "not known"]
    assert said[0].sentence.startswith("10% (5.7% to 16%) of the patients")
    assert "gate stops 1.0%" in said[0].sentence
    assert re.search(r"\(since \d+ March 2026, after \d+ films\)", said[1].sentence)
    assert "Another share of pneumonia would explain them" in said[1].sentence
    assert "had not seen the answer agree with" in said[2].sentence
    assert "had seen the answer agree with" in said[3].sentence


def test_what_is_not_known_is_said_so() -> None:
    (bare,) = over_time([observed(0), observed(1, 0.9, Reading("", True))])
    assert [each.state for each in statements(bare)] == ["not known"] * 3
    assert "the bundle was not opened here, or has no gate" in statements(bare)[0].sentence


def test_the_report_is_one_file_without_a_network_and_its_charts_are_drawn(
    in_use: DetectorInUse, tmp_path: Path
) -> None:
    out = tmp_path / "folder" / "report.html"
    write_report([in_use], out)
    html = out.read_text("utf-8")
    assert not re.search(r"(src|href)=|https?://|<script", html)
    assert "Looks like &lt;script&gt;" in html
    charts = [ElementTree.fromstring(each) for each in re.findall(r'<svg class="chart".*?</svg>', html, re.DOTALL)]
    assert len(charts) == 5
    for chart in charts:
        assert len(chart.attrib["aria-label"]) > 40
        for rect in chart.iter("rect"):
            assert 0 <= float(rect.attrib["x"]) <= WIDTH - float(rect.attrib["width"])
            assert float(rect.attrib["height"]) >= 0


def test_the_bars_are_as_high_as_the_days(in_use: DetectorInUse, tmp_path: Path) -> None:
    write_report([in_use], tmp_path / "report.html")
    chart = re.findall(r'<svg class="chart".*?</svg>', (tmp_path / "report.html").read_text(), re.DOTALL)[0]
    rects = list(ElementTree.fromstring(chart).iter("rect"))
    assert len({rect.attrib["x"] for rect in rects}) == len({each.day.isocalendar()[:2] for each in in_use.days})
    heights = dict.fromkeys(("var(--first, var(--accent))", "var(--second, var(--warn))", "var(--muted)"), 0.0)
    for rect in rects:
        heights[rect.attrib["fill"]] += float(rect.attrib["height"])
    counts = [sum(getattr(each, kind) for each in in_use.days) for kind in ("answered", "not_sure", "not_judged")]
    shares = np.array(list(heights.values())) / sum(heights.values())
    assert shares == pytest.approx(np.array(counts) / sum(counts), abs=0.01)


def test_no_film_is_a_report_too(tmp_path: Path) -> None:
    write_report([], tmp_path / "report.html")
    assert "No films yet." in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(("value", "top"), [(1, 1.2), (4, 4), (5, 8), (11, 12), (700, 800), (0.07, 0.08), (0, 4)])
def test_axes_end_at_round_numbers(value: float, top: float) -> None:
    assert _rounded_up(value) == pytest.approx(top)
