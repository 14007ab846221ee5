"""The state of a study as plain values: what its page and the last lines of `hilum tune` show."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from hilum.recipe import Choice, Recipe
from hilum.tuning.claims import WHERE, counted

# A trial's attributes.
SECONDS = "seconds"
ERROR = "error"  # only failed trials have it

State = Literal["done", "pruned", "failed", "unfinished"]
_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
IMPORTANCE_TRIALS = 5  # with fewer, importances mean nothing


@dataclass(frozen=True, slots=True)
class StudyObjective:
    """The figure that trials are compared by.

    Attributes:
        column: its column in a run's history.
        description: its name in sentences and on axes, such as `AUROC on validation`.
        minimize: whether a smaller figure is better, as for a loss.
    """

    column: str
    description: str
    minimize: bool

    @property
    def superlative(self) -> str:
        """The word for the best figure: `lowest` or `highest`."""
        return "lowest" if self.minimize else "highest"

    def better(self, one: float, other: float) -> bool:
        """Whether one figure is better than another."""
        return one < other if self.minimize else one > other


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        number: from 0, in the order in which trials were started.
        state: `done`, `pruned`, `failed`, or `unfinished`: being trained, or waiting to be resumed.
        figure: the monitored figure of the epoch that was kept; None unless the trial is done.
        values: its value for each key of the search space.
        curve: the monitored figure after each epoch, by the epoch's number from 1.
        seconds: how long it was trained.
        error: why it failed; empty if it did not.
        where: the host and folder in which it was started.
    """

    number: int
    state: State
    figure: float | None
    values: dict[str, Choice]
    curve: dict[int, float]
    seconds: float
    error: str
    where: str


@dataclass(frozen=True, slots=True)
class ValidationFilms:
    """The films that every figure of a study was measured on.

    Attributes:
        n: the number of validation films.
        patients: the number of their known patients; 0 if none is known.
    """

    n: int
    patients: int


@dataclass(frozen=True, slots=True, repr=False)
class StudySummary:
    """The state of a study. Printing it gives the best trial and its values.

    Attributes:
        recipe: the recipe with its `[tune]`.
        objective: the figure that trials are compared by.
        planned: the number of trials to run.
        trials: the trials that were started, by number.
        importances: the importance of each key of the search space, a share from 0 to 1, the largest first; empty
            while too few trials are done.
        films: the validation films.
    """

    recipe: Recipe
    objective: StudyObjective
    planned: int
    trials: tuple[Trial, ...]
    importances: dict[str, float]
    films: ValidationFilms

    @property
    def best(self) -> Trial | None:
        """The trial with the best figure, the first of equals; None while no trial is done."""
        best: tuple[float, Trial] | None = None
        for trial in self.trials:
            if trial.figure is not None and (best is None or self.objective.better(trial.figure, best[0])):
                best = trial.figure, trial
        return best[1] if best else None

    def in_state(self, *states: State) -> tuple[Trial, ...]:
        """The trials that are in one of these states."""
        return tuple(trial for trial in self.trials if trial.state in states)

    @property
    def headline(self) -> str:
        """One sentence: which trial is the best of how many, and how good it is."""
        counts = [(state, len(self.in_state(state))) for state in ("done", "pruned", "failed", "unfinished")]
        states = ", ".join(f"{count} {state}" for state, count in counts if count) or "none started"
        best = self.best
        if best is None or best.figure is None:
            return f"No trial is done yet ({states}, of {self.planned})."
        number = f"{len(self.trials):,} trial{'' if len(self.trials) == 1 else 's'}"
        return (
            f"Trial {best.number} has the {self.objective.superlative} {self.objective.description}, "
            f"{best.figure:.4f}, of {number} ({states})."
        )

    def __repr__(self) -> str:
        values = self.best.values if self.best else {}
        return "\n".join([self.headline, *(f"{key} = {value}" for key, value in values.items())])


def summarize(
    study: optuna.Study, recipe: Recipe, objective: StudyObjective, planned: int, films: ValidationFilms
) -> StudySummary:
    """Read the state of a study from its database."""
    listed = counted(study)
    trials = tuple(_trial(trial, set(recipe.tune.space)) for trial in listed)
    done = sum(trial.state == "done" for trial in trials)
    importances = _importances(study) if done >= IMPORTANCE_TRIALS and len(recipe.tune.space) > 1 else {}
    return StudySummary(recipe, objective, planned, trials, importances, films)


def _trial(trial: FrozenTrial, keys: set[str]) -> Trial:
    state = _STATES.get(trial.state, "unfinished")
    if state == "pruned" and ERROR in trial.user_attrs:
        state = "failed"
    return Trial(
        trial.number,
        state,
        trial.value if state == "done" else None,
        {key: value for key, value in trial.params.items() if key in keys},
        dict(sorted(trial.intermediate_values.items())),
        float(trial.user_attrs.get(SECONDS, 0.0)),
        str(trial.user_attrs.get(ERROR, "")),
        str(trial.user_attrs.get(WHERE, "")),
    )


def _importances(study: optuna.Study) -> dict[str, float]:
    """By PED-ANOVA (Watanabe et al., IJCAI 2023), which needs no package beyond Optuna's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in Optuna 4 it is called experimental
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except (ValueError, RuntimeError):  # all trials have the same values, or are equally good
            return {}
    return found if all(math.isfinite(value) for value in found.values()) else {}
