"""A study's page: one HTML file that needs no network, to be read on a screen, on a phone or on paper."""

from __future__ import annotations

from pathlib import Path

from hilum import pages
from hilum.recipe import write_recipe
from hilum.tuning import figures
from hilum.tuning.space import ranges, shown, value_of
from hilum.tuning.told import Told


def render(told: Told) -> str:
    """The page as HTML; the same study gives the same bytes."""
    best, space = told.best, told.recipe.tune.space
    return pages.render(
        Path(__file__).parent / "study.html",
        {"figure": _figure, "value": shown, "duration": duration},
        told=told,
        best=best,
        verdict=verdict(told),
        optimism=optimism(told),
        values=[
            (key, best.values[key] if best else None, value_of(told.recipe, key), searched)
            for key, searched in ranges(told.recipe)
        ],
        drawings=figures.drawings(told),
        against=[
            (key, figures.against_figure(told, key, number))
            for number, key in enumerate(space)
            if any(key in trial.values and trial.curve for trial in told.trials)
        ],
        importances=figures.importances_figure(told.importances) if told.importances else None,
        n_done=len(told.in_state("done")),
        keys=list(space),
        recipe=write_recipe(told.recipe),
    )


def verdict(told: Told) -> str:
    """One sentence: which trial is the best of how many, and how good."""
    counts = [(state, len(told.in_state(state))) for state in ("done", "pruned", "failed", "unfinished")]
    how = ", ".join(f"{count} {state}" for state, count in counts if count) or "none begun"
    best = told.best
    if best is None or best.figure is None:
        return f"No trial has come to its end yet ({how}, of {told.planned})."
    return (
        f"Trial {best.number} has the {told.goal.superlative} {told.goal.words}, {_figure(best.figure)}, of "
        f"{_number(len(told.trials), 'trial')} ({how})."
    )


def optimism(told: Told) -> str:
    """Why the best figure is better than the detector."""
    films, patients = told.films.n, told.films.patients
    whose = f" of {_number(patients, 'patient')}" if patients else " of patients that nobody knows"
    return (
        f"The best of {_number(len(told.trials), 'trial')} was chosen on the same {_number(films, 'validation film')}"
        f"{whose} that its figure was measured on, so that its figure is optimistic, the more so the more trials "
        "there were. How good the detector is, only films can say that nothing was chosen on: the test films, which "
        "no trial has read."
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
