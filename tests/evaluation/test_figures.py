from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from markupsafe import Markup
from msgspec import structs

from hilum.evaluation import ShiftFigures, figures
from hilum.evaluation.shift_figures import shifts_figure
from hilum.evaluation.truth import binary_films
from hilum.pages import FIRST, sheet
from hilum.records import Figure, Film, Prediction, Predictions

from .conftest import CLASSES, HISTORY, THRESHOLD, battery, made_up

FILMS = binary_films(made_up(80))
CALLED = FILMS.probs >= THRESHOLD


def texts(svg: Markup) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(str(svg)).iter("text")]


def all_drawings() -> dict[str, Markup]:
    history = figures.history_figures(HISTORY)
    return {
        "roc": figures.roc_figure(FILMS, CALLED, "threshold 0.4"),
        "another roc": figures.roc_figure(FILMS, CALLED, "most probable", "roc-1"),
        "pr": figures.pr_figure(FILMS, THRESHOLD),
        "reliability": figures.reliability_figure(FILMS),
        "distribution": figures.distribution_figure(FILMS.probs, ["NORMAL"] * 79 + [""], CLASSES, THRESHOLD),
        **{f"history {number}": drawing for number, drawing in enumerate(history)},
    }


def test_drawings_are_elements_that_stand_alone() -> None:
    drawings = all_drawings()
    assert len(drawings) == 8
    seen: set[str] = set()
    for name, drawing in drawings.items():
        root = ElementTree.fromstring(str(drawing))  # whole, well-formed, and no prefix undeclared
        assert root.get("role") == "img", name
        assert len(root.get("aria-label", "")) > 20
        assert "http" not in drawing
        assert "<style" not in drawing
        identifiers = set(re.findall(r' id="([^"]+)"', drawing))
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', drawing)) == identifiers
        assert not identifiers & seen, "two drawings of one page share an identifier"
        seen |= identifiers
        assert not re.search("#[0-9a-f]{6}", re.sub("#[a-z][0-9a-f]{10}", "", drawing)), "a colour that no style sets"


def test_the_same_films_give_the_same_bytes() -> None:
    assert all_drawings() == all_drawings()


def test_matplotlib_is_left_as_it_was() -> None:
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context({"lines.linewidth": 9.0, "svg.fonttype": "path"}):
        other = figures.roc_figure(FILMS, CALLED, "here")
        assert matplotlib.rcParams["lines.linewidth"] == 9.0
    assert dict(matplotlib.rcParams) == before
    assert other == figures.roc_figure(FILMS, CALLED, "here")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a$b$_{c}", 'quo"te', "x" * 200, "Δ肺"])
def test_hostile_class_names_stay_text(name: str) -> None:
    drawing = figures.distribution_figure(np.array([0.2, 0.9]), ["NORMAL", name], ("NORMAL", name), THRESHOLD)
    assert "<script" not in drawing
    assert ElementTree.fromstring(str(drawing)).tag == "svg"
    assert any(name[:20] in text for text in texts(drawing))


def test_without_a_threshold_none_is_drawn() -> None:
    drawing = figures.distribution_figure(FILMS.probs, ["right"] * 80, ("right", "wrong"), None, "what it is called")
    assert "threshold" not in drawing
    assert "probability of what it is called" in texts(drawing)


def test_a_point_lies_where_the_calls_are() -> None:
    drawing = figures.roc_figure(FILMS, CALLED, "here")
    found, alarms = CALLED[FILMS.labels].mean(), CALLED[~FILMS.labels].mean()
    assert f"the sensitivity is {found:.2f} at a false-positive rate of {alarms:.2f}" in drawing
    assert "are right" in figures.reliability_figure(FILMS, "right")


def test_history_draws_what_was_written_down_and_no_more() -> None:
    assert figures.history_figures([]) == []
    assert figures.history_figures([{"epoch": 1, "seconds": 3}]) == []
    (losses,) = figures.history_figures([{"train_loss": 1.0, "val_loss": float("nan")}, {"train_loss": 0.5}])
    assert "train loss" in texts(losses)
    assert "val loss" not in texts(losses)


def test_fitness_is_drawn_by_generation_beside_the_loss_by_epoch() -> None:
    generations = [{"generation": g, "fitness_best": -0.5, "fitness_mean": -0.6, "inputs": 9.0} for g in range(3)]
    tried = [
        {"choice": 1.0, "strength": 1.0, "folds_auroc": 0.9, "seconds": 2.0},
        {"choice": 1.0, "nested_auroc": 0.9},
    ]
    losses, fitness = figures.history_figures([*tried, *generations, {"epoch": 1.0, "train_loss": 0.3}])
    assert "loss by epoch" in losses
    assert "fitness by generation" in fitness
    assert "fitness best ends at -0.5" in fitness.replace("_", " ")
    assert figures.history_figures(tried) == []


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_operating_points_at_the_ends_are_drawn(threshold: float) -> None:
    assert "threshold" in figures.roc_figure(FILMS, FILMS.probs >= threshold, "threshold")
    assert "chance" in figures.pr_figure(FILMS, threshold)


def test_one_film_of_each_class_is_enough() -> None:
    rows = tuple(Prediction(Film("a", label), (0.5, 0.5)) for label in CLASSES)
    films = binary_films(Predictions(CLASSES, 0.5, rows))
    roc = figures.roc_figure(films, films.probs >= 0.5, "threshold 0.5")
    for drawing in (roc, figures.pr_figure(films, 0.5), figures.reliability_figure(films)):
        assert ElementTree.fromstring(str(drawing)).tag == "svg"


def test_the_worst_shift_is_on_top() -> None:
    def group(value: float | None) -> ShiftFigures:
        nothing = Figure(None)
        return ShiftFigures(Figure(value, None, 0.95 if value else None), nothing, nothing, nothing)

    shifted = structs.replace(
        battery(0.75, 0.6, "shaded", {}),
        per_shift={"moved": group(0.9), "shaded": group(0.6)},
        unshifted=group(0.92),
    )
    drawing = shifts_figure(shifted)
    assert drawing is not None
    assert "the worst first: shaded 0.600, moved 0.900" in drawing
    assert shifts_figure(structs.replace(shifted, per_shift={"moved": group(None)})) is None


def test_a_sheet_describes_itself_safely() -> None:
    with sheet("name", 'say "<b>"') as drawing:
        drawing.axes.plot([0, 1], [0, 1], color=FIRST)
    assert 'aria-label="say &#34;&lt;b&gt;&#34;"' in drawing.markup
    assert "var(--first)" in drawing.markup
