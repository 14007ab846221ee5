"""A study's page: one HTML file that loads nothing from elsewhere, for screen, phone and paper."""

from __future__ import annotations

from pathlib import Path

from hilum import pages
from hilum.recipe import write_recipe
from hilum.tuning import study_figures
from hilum.tuning.space import format_value, ranges, recipe_value
from hilum.tuning.summary import StudySummary


def render(summary: StudySummary) -> str:
    """Render the page as HTML; the same study gives the same bytes."""
    best, space = summary.best, summary.recipe.tune.space
    return pages.render(
        Path(__file__).parent / "study.html",
        {"figure": _figure, "value": format_value, "duration": duration},
        summary=summary,
        best=best,
        headline=summary.headline,
        optimism=optimism_note(summary),
        values=[
            (key, best.values[key] if best else None, recipe_value(summary.recipe, key), searched)
            for key, searched in ranges(summary.recipe)
        ],
        drawings=study_figures.drawings(summary),
        against=[
            (key, study_figures.against_figure(summary, key, number))
            for number, key in enumerate(space)
            if any(key in trial.values and trial.curve for trial in summary.trials)
        ],
        importances=study_figures.importances_figure(summary.importances) if summary.importances else None,
        n_done=len(summary.in_state("done")),
        keys=list(space),
        recipe=write_recipe(summary.recipe),
    )


def optimism_note(summary: StudySummary) -> str:
    """Why the best figure of a search is better than the detector is."""
    films, patients = _number(summary.films.n, "validation film"), summary.films.patients
    whose = f" of {_number(patients, 'patient')}" if patients else " of unknown patients"
    return (
        f"The best of {_number(len(summary.trials), 'trial')} was chosen on the same {films}{whose} that its figure "
        "was measured on, so the figure is optimistic, and the more so the more trials there were. Measure the "
        "detector on the test films, which no trial has read."
    )


def duration(seconds: float) -> str:
    """`0.4 s`, `50 s`, `12 min`, `3 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
