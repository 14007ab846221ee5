"""The page needs nothing but itself, says what the study found, and says what its best figure is not."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hilum.errors import HilumError
from hilum.recipe import Recipe
from hilum.tuning import StudySummary, ValidationFilms, optimism_note, render
from hilum.tuning.study_page import duration
from tests.evaluation.test_report import Page
from tests.tuning.conftest import MIXED, MadeUp, loss_of, space_of, study


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    """Trials that are done, pruned and failed, and one that went astray."""

    def loss(recipe: Recipe) -> float:
        if recipe.batches.size == 32:
            raise HilumError("the loss is nan; <b>lower</b> training.learning_rate")
        return 1e6 if recipe.training.learning_rate > 3e-2 else loss_of(recipe)

    folder = tmp_path_factory.mktemp("study")
    return study(folder, space_of(MIXED, prune="median", startup_trials=7, epochs=4), MadeUp(loss), trials=16)


@pytest.fixture(scope="module")
def page(summary: StudySummary) -> Page:
    return Page(render(summary))


def test_it_needs_no_network(summary: StudySummary, page: Page) -> None:
    assert not re.search(r"https?:|//\w|@import|url\((?!#)", render(summary))
    for tag in ("script", "link", "iframe", "img", "object"):
        assert not page.all(tag)
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in page.all("meta"))
    assert any("width=device-width" in (meta.get("content") or "") for meta in page.all("meta"))


def test_its_figures_are_the_studys(summary: StudySummary, page: Page, tmp_path: Path) -> None:
    assert {trial.state for trial in summary.trials} == {"done", "pruned", "failed"}
    best = summary.best
    assert best is not None
    assert best.figure == min(trial.figure for trial in summary.trials if trial.figure is not None)
    assert f"Trial {best.number} has the lowest loss on validation, {best.figure:.4f}, of 16 trials" in page.text
    table = render(summary).split('<table class="trials">')[1].split("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in table.split("<tr")[2:]]
    assert len(rows) == 16
    for row, trial in zip(rows, summary.trials, strict=True):
        figure = "–" if trial.figure is None else f"{trial.figure:.4f}"
        assert row[1:5] == [str(trial.number), trial.state, figure, str(len(trial.curve))], row
        assert f"{trial.values['training.learning_rate']:.4g}" in row
        assert trial.values["training.optimizer"] in row


def test_it_draws_how_the_search_went(summary: StudySummary, page: Page) -> None:
    drawings = {drawing["class"]: drawing["aria-label"] or "" for drawing in page.all("svg")}
    assert list(drawings) == ["progress", "curves", "against-0", "against-1", "against-2", "importances"]
    done = [trial.figure for trial in summary.trials if trial.figure is not None]
    assert drawings["progress"].endswith(f"from {done[0]:.4f} to {min(done):.4f}")
    assert drawings["curves"].endswith(f"{len(summary.in_state('pruned'))} of them were pruned")
    assert drawings["against-2"].endswith("against training.optimizer")
    assert "mathdefault" not in render(summary), "ticks at powers of ten are numbers"


def test_its_importances_are_optunas(summary: StudySummary, page: Page, tmp_path: Path) -> None:
    assert sum(summary.importances.values()) == pytest.approx(1)
    assert set(summary.importances) == set(MIXED)
    for key, share in summary.importances.items():
        assert f"{key} {share:.2f}" in next(
            d["aria-label"] or "" for d in page.all("svg") if d["class"] == "importances"
        )


def test_it_says_that_its_best_figure_is_optimistic(page: Page) -> None:
    assert (
        "The best of 16 trials was chosen on the same 6 validation films of 3 patients that its figure was measured "
        "on, so the figure is optimistic"
    ) in page.text


def test_the_same_study_gives_the_same_bytes(summary: StudySummary) -> None:
    assert render(summary) == render(summary)


def test_unknown_patients_are_said_to_be(summary: StudySummary) -> None:
    assert "1 validation film of unknown patients" in optimism_note(replace(summary, films=ValidationFilms(1, 0)))


def test_hostile_texts_stay_text(summary: StudySummary, page: Page) -> None:
    assert "<b>lower</b>" in page.text
    assert not page.all("b")


@pytest.mark.parametrize("states", [(), ("failed",), ("pruned",), ("unfinished",)])
def test_a_study_without_a_trial_that_is_done(summary: StudySummary, states: tuple[str, ...]) -> None:
    unfinished = tuple(replace(trial, state="unfinished", figure=None) for trial in summary.in_state("pruned"))
    trials = tuple(trial for trial in (*summary.trials, *unfinished) if trial.state in states)
    page = Page(render(replace(summary, trials=trials, importances={})))
    assert "No trial is done yet" in page.text
    assert "best.toml" not in page.text


def test_one_trial_is_enough_for_a_page(summary: StudySummary) -> None:
    assert summary.best is not None
    page = Page(render(replace(summary, trials=(summary.best,), importances={})))
    assert "of 1 trial (1 done)" in page.text
    assert len(page.all("svg")) == 5


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0.44, "0.4 s"), (49.6, "50 s"), (119, "2 min"), (3599, "1 h 00 min"), (11_100, "3 h 05 min")],
)
def test_times_are_written_for_people(seconds: float, says: str) -> None:
    assert duration(seconds) == says


def test_no_importances_where_optuna_gives_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: object, **options: object) -> dict[str, float]:
        raise ValueError("all trials took the same")

    monkeypatch.setattr(optuna.importance.PedAnovaImportanceEvaluator, "evaluate", refuse)
    monkeypatch.setattr("hilum.tuning.study.render", lambda summary: "page")
    assert study(tmp_path, space_of(MIXED), trials=5).importances == {}
