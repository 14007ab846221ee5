"""A shortcut that was planted is caught by its name; films without one raise no alarm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hilum.auditing.facts import Facts
from hilum.auditing.out_of_fold import cut
from hilum.auditing.shortcut import findings_of, probe_all, rim
from tests.auditing.conftest import Grey, films

NUMBER = 60
LABELS = [("NORMAL", "PNEUMONIA")[number % 2] for number in range(NUMBER)]
FOLDS = cut(LABELS, [""] * NUMBER)


@pytest.fixture(scope="module")
def squares() -> Grey:
    return films(NUMBER)


def facts(**columns: Sequence[float | str]) -> list[Facts]:
    """Facts that say nothing, and those given, each from a film's number and a random draw."""
    rng = np.random.default_rng(0)
    noise = {"width": rng.integers(900, 1100, NUMBER), "grey_mean": rng.uniform(0.4, 0.6, NUMBER)}
    return [
        {**{name: float(values[film]) for name, values in noise.items()},
         **{name: values[film] for name, values in columns.items()}}
        for film in range(NUMBER)
    ]  # fmt: skip


def test_clean_films_give_no_finding(squares: Grey) -> None:
    probes = probe_all(facts(), facts(), squares, FOLDS)
    assert findings_of(probes, FOLDS.classes) == []
    assert all(probe is None or (probe.auroc.low or 1) < 0.6 for probe in probes.values())


def test_the_camera_is_named_by_its_jpeg_table(squares: Grey) -> None:
    rng = np.random.default_rng(1)
    quality = [75.0 if (film % 2) ^ (rng.random() < 0.04) else 95.0 for film in range(NUMBER)]
    probes = probe_all(facts(quality=quality), facts(), squares, FOLDS)
    (finding, note) = findings_of(probes, FOLDS.classes)
    assert (finding.kind, finding.severity) == ("shortcut", "error")
    assert "JPEG quantisation alone 0.9" in finding.sentence
    assert "quality 95 in NORMAL, 75 in PNEUMONIA" in finding.sentence
    assert (note.kind, note.severity) == ("facts", "note")
    file = probes["file"]
    assert file is not None
    assert file.carriers[0].name == "JPEG quantisation"
    assert file.carriers[0].drop > 0.3
    assert abs(file.carriers[1].drop) < 0.1


def test_words_can_give_a_label_away_too(squares: Grey) -> None:
    maker = ["ACME" if film % 2 else "Bolt" for film in range(NUMBER)]
    finding = findings_of(probe_all(facts(maker=maker), facts(), squares, FOLDS), FOLDS.classes)[0]
    assert "metadata alone 1.000 (maker Bolt in NORMAL, ACME in PNEUMONIA)" in finding.sentence


def test_grey_levels_are_told_of_and_are_no_alarm(squares: Grey) -> None:
    """Lungs with pneumonia are whiter: that is what the films show."""
    grey = [0.7 if film % 2 else 0.3 for film in range(NUMBER)]
    found = findings_of(probe_all(facts(grey_p50=grey), facts(grey_p50=grey), squares, FOLDS), FOLDS.classes)
    assert [(finding.kind, finding.severity) for finding in found] == [("facts", "note")]
    assert "after preprocessing 1.000: grey levels alone 1.000" in found[0].sentence


def test_a_rim_that_goes_with_the_label_is_found(squares: Grey) -> None:
    planted = squares.copy()
    planted[1::2, -6:] = 255
    found = findings_of(probe_all(facts(), facts(), planted, FOLDS), FOLDS.classes)
    assert [finding.kind for finding in found] == ["shortcut_rim"]


def test_the_rim_is_the_outer_cells_mean() -> None:
    square = np.arange(128 * 128, dtype=np.float64).reshape(128, 128).astype(np.uint8)
    cells = rim(square[None])
    assert cells.shape == (1, 60)
    assert cells[0, 0] == pytest.approx(square[:8, :8].mean(), abs=0.5)
    assert cells[0, -1] == pytest.approx(square[-8:, -8:].mean(), abs=0.5)


def test_where_all_films_have_the_same_facts_there_is_nothing_to_tell_from(squares: Grey) -> None:
    same: list[Facts] = [{"width": 64.0} for _ in range(NUMBER)]
    probes = probe_all(same, same, squares, FOLDS)
    assert probes["file"] is probes["before"] is probes["after"] is None
    assert findings_of(probes, FOLDS.classes) == []


def test_of_three_classes_the_one_given_away_is_named(squares: Grey) -> None:
    labels = [("A", "B", "C")[number % 3] for number in range(45)]
    folds = cut(labels, [""] * 45)
    quality = [75.0 if number % 3 == 1 else 95.0 for number in range(NUMBER)]
    columns = facts(quality=quality)[:45]
    finding = findings_of(probe_all(columns, columns, squares[:45], folds), folds.classes)[0]
    assert "tell B from the other classes" in finding.sentence
