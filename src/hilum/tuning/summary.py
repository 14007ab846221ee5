"""What a study has found so far, as plain values: what its page shows and its last lines say."""

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
ERROR = "error"  # only a trial that failed has it

State = Literal["done", "pruned", "failed", "unfinished"]
_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
IMPORTANCE_TRIALS = 5  # fewer say nothing of what matters


@dataclass(frozen=True, slots=True)
class Objective:
    """The figure that trials are compared by.

    Attributes:
        column: its name in a run's history.
        words: what a person calls it.
        less_is_better: whether it is a loss.
    """

    column: str
    words: str
    less_is_better: bool

    @property
    def superlative(self) -> str:
        """Of figures, what the best one is."""
        return "lowest" if self.less_is_better else "highest"

    def better(self, one: float, other: float) -> bool:
        """Whether one figure is better than another."""
        return one < other if self.less_is_better else one > other


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        number: from 0, in the order in which they were begun.
        state: `done` came to its end; `unfinished` is being trained, or waits to be gone on with.
        figure: of a trial that is done, the monitored one of the epoch that was kept.
        values: what it took for each key of the space.
        curve: the monitored figure after each epoch, by the epoch's number from 1.
        seconds: of training.
        error: why it failed.
        where: host and folder.
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
    """What every figure of a study was measured on.

    Attributes:
        n: validation films.
        patients: known ones among theirs; 0 where nobody knows them.
    """

    n: int
    patients: int


@dataclass(frozen=True, slots=True)
class StudySummary:
    """A study as it stands.

    Attributes:
        recipe: with its `[tune]`.
        goal: what trials are compared by.
        planned: how many there are to be.
        trials: those that were begun, by number.
        importances: of each key of the space, its share of what made trials good or bad, the largest first; empty
            where too few trials are done.
        films: the validation films.
    """

    recipe: Recipe
    goal: Objective
    planned: int
    trials: tuple[Trial, ...]
    importances: dict[str, float]
    films: ValidationFilms

    @property
    def best(self) -> Trial | None:
        """The trial with the best figure, the first of equals; None while none is done."""
        best: tuple[float, Trial] | None = None
        for trial in self.trials:
            if trial.figure is not None and (best is None or self.goal.better(trial.figure, best[0])):
                best = trial.figure, trial
        return best[1] if best else None

    def in_state(self, *states: State) -> tuple[Trial, ...]:
        """The trials in some states."""
        return tuple(trial for trial in self.trials if trial.state in states)


def summarize(
    study: optuna.Study, recipe: Recipe, goal: Objective, planned: int, films: ValidationFilms
) -> StudySummary:
    """Read a study out of its database."""
    listed = counted(study)
    trials = tuple(_trial(trial, set(recipe.tune.space)) for trial in listed)
    done = sum(trial.state == "done" for trial in trials)
    importances = _importances(study) if done >= IMPORTANCE_TRIALS and len(recipe.tune.space) > 1 else {}
    return StudySummary(recipe, goal, planned, trials, importances, films)


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
        except (ValueError, RuntimeError):  # all trials took the same, or are equally good
            return {}
    return found if all(math.isfinite(value) for value in found.values()) else {}
