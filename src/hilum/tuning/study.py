"""A study: trials by a recipe's space, one after another, until there are as many as there are to be.

A trial's draws depend on the recipe's seed, the trial's number and the trials before it, never on a generator that
outlives it: a study that was stopped and goes on draws what it would have drawn.
"""

from __future__ import annotations

import math
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import optuna
from optuna.trial import TrialState

from hilum.errors import FilmError, HilumError, RequestError
from hilum.files import write_text
from hilum.recipe import Recipe, write_recipe
from hilum.records import Manifest
from hilum.tuning.claims import Claim, StudyFolder, trial_folder
from hilum.tuning.space import Space, format_values
from hilum.tuning.storage import open_study, translated_errors
from hilum.tuning.study_page import render
from hilum.tuning.summary import ERROR, SECONDS, Objective, StudySummary, ValidationFilms, summarize

Row = dict[str, float]

PAGE_SECONDS = 60.0  # the page is drawn again after a trial, but no more often: it takes a second or two
HOPELESS = 3  # trials that fail before any has finished an epoch: it is not their values then


class Train(Protocol):
    """Trains by a recipe, and gives the epoch that was kept: its figure is the trial's."""

    def __call__(self, recipe: Recipe, folder: Path, *, on_epoch: Callable[[Row], None]) -> int:
        """Train.

        Args:
            recipe: the trial's.
            folder: the trial's, with the checkpoint of a run that was killed where there was one.
            on_epoch: is study_summary of every epoch, also of those that the killed run had finished, and may raise.

        Raises:
            FilmError: no trial can be trained on these films.
            HilumError: this trial cannot be.
        """


def tune(
    space: Space,
    films: Manifest,
    out: Path,
    train: Train,
    goal: Objective,
    *,
    trials: int | None = None,
    storage: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> StudySummary:
    """Work on a study until it has as many finished trials as there are to be, or others are at the last ones.

    Any number of processes may do so at once, in one folder or, with one database, in several.

    Args:
        space: the recipe, and what of it varies.
        films: those that every trial learns from and is validated on; any others are not looked at.
        out: gets `trial-0000/`, …, the best values as `best.toml` and all trials as `study.html`; without a
            `storage`, also the study's database, `study.db`. Checkpoints are kept of the best trial, and of those
            that are not finished.
        train: trains one trial.
        goal: the figure that trials are compared by.
        trials: how many there are to be, counting those that were pruned or failed; the recipe's number without.
        storage: the URL of a database.
        tell: gets lines for the person at the terminal.

    Raises:
        RequestError: the study was begun with something else; its first trials all failed.
        FilmError: a film cannot be read; its trial goes on when the study does.
        HilumError: the database does not answer any more.
    """
    planned = trials or space.recipe.tune.trials
    out.mkdir(parents=True, exist_ok=True)
    url = storage or f"sqlite:///{(out / 'study.db').resolve()}"
    films = films.where(lambda film: film.split in ("train", "val"))
    val = films.split("val")
    measured_on = ValidationFilms(len(val), len({film.patient for film in val if film.patient}))
    with translated_errors(url):
        study = open_study(url, space.recipe, films, minimize=goal.less_is_better)
        study.pruner = _pruner(space.recipe)
        workplace = StudyFolder(out, study)

        def write(page: bool = True) -> StudySummary:
            with workplace.alone():  # whoever writes last has read last
                study_summary = summarize(study, space.recipe, goal, planned, measured_on)
                _write(study_summary, space, out, page)
            return study_summary

        drawn_at = -math.inf
        while True:
            with workplace.next_trial(planned) as claim:
                if claim is None:
                    break
                _run(claim, space, train, goal, tell)
            if due := time.monotonic() - drawn_at > PAGE_SECONDS:
                drawn_at = time.monotonic()
            _refuse_hopeless(write(page=due))
        return write()


def _run(claim: Claim, space: Space, train: Train, goal: Objective, tell: Callable[[str], None]) -> None:
    """Train one trial to its end, whichever that is; what interrupts it leaves it to be gone on with."""
    trial, study = claim.trial, claim.trial.study
    study.sampler = _sampler(space.recipe, trial.number)
    values, prune_after = space.draw(trial), space.recipe.tune.prune_after
    again = f" (goes on after epoch {max(claim.reported)})" if claim.reported else ""
    tell(f"trial {trial.number}: {format_values(values)}{again}")
    try:
        recipe = space.recipe_with(values)
        watch = _TrialReporter(claim, recipe, prune_after, goal, tell)
        kept = train(recipe, claim.folder, on_epoch=watch)
        figure = watch.figures[kept]
        if not math.isfinite(figure):
            raise HilumError(f"its {goal.words} is {figure}")
    except optuna.TrialPruned:
        study.tell(trial.number, state=TrialState.PRUNED)
        tell(f"trial {trial.number}: pruned, worse than others were at this epoch")
    except FilmError:
        raise
    except HilumError as error:
        # Not as Optuna's FAIL, of which its sampler learns nothing: it would draw again and again what diverges.
        trial.set_user_attr(ERROR, " ".join(str(error).split()))
        study.tell(trial.number, state=TrialState.PRUNED)
        tell(f"trial {trial.number}: failed: {error}")
    else:
        study.tell(trial.number, figure)
        tell(f"trial {trial.number}: {goal.words} {figure:.4f}")


class _TrialReporter:
    """Reports every epoch of a trial, and ends the trial where it is hopeless."""

    def __init__(
        self, claim: Claim, recipe: Recipe, prune_after: int, goal: Objective, tell: Callable[[str], None]
    ) -> None:
        self.figures = dict(claim.reported)
        self._trial = claim.trial
        self._goal, self._tell = goal, tell
        scheme = recipe.training
        self._epochs = scheme.epochs
        # The first of which a checkpoint could be kept, and that learnt at the whole rate.
        self._prunes_from = max(prune_after, scheme.min_epochs, math.ceil(scheme.warmup_epochs) + 1)
        self._seconds: dict[int, float] = {}

    def __call__(self, row: Row) -> None:
        epoch = int(row["epoch"])
        self._seconds[epoch] = row["seconds"]
        if epoch in self.figures:
            return
        figure = self.figures[epoch] = row[self._goal.column]
        self._trial.report(figure, epoch)
        self._trial.set_user_attr(SECONDS, sum(self._seconds.values()))
        self._tell(
            f"trial {self._trial.number}, epoch {epoch}/{self._epochs}: {self._goal.words} {figure:.4f}, "
            f"{row['seconds']:.0f} s"
        )
        # Behind the last epoch nothing is left to save, and an end says more than a pruning.
        if self._prunes_from <= epoch < self._epochs and self._trial.should_prune():
            raise optuna.TrialPruned


def _sampler(recipe: Recipe, number: int) -> optuna.samplers.BaseSampler:
    """Two workers never draw alike, and one that starts again draws as before."""
    seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # Optuna 4 calls both so
        return optuna.samplers.TPESampler(
            n_startup_trials=recipe.tune.startup_trials, seed=seed, multivariate=True, constant_liar=True
        )


def _pruner(recipe: Recipe) -> optuna.pruners.BasePruner:
    """Epochs are counted from 1; the first ones are `_TrialReporter`'s to spare."""
    tune = recipe.tune
    if tune.prune == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=tune.startup_trials)
    if tune.prune == "hyperband":
        epochs = _most_epochs(recipe)
        first = min(epochs, max(tune.prune_after, recipe.training.min_epochs))
        return optuna.pruners.HyperbandPruner(min_resource=first, max_resource=epochs)
    return optuna.pruners.NopPruner()


def _most_epochs(recipe: Recipe) -> int:
    what = recipe.tune.space.get("training.epochs")
    if what is None:
        return recipe.training.epochs
    return int(max(what) if isinstance(what, tuple) else what.high)


def _write(study_summary: StudySummary, space: Space, out: Path, page: bool) -> None:
    """Write what is known by now, and clear away checkpoints that nothing goes on from."""
    best = study_summary.best
    if best is not None:
        write_text(out / "best.toml", write_recipe(space.recipe_with(best.values)))
    if page:
        write_text(out / "study.html", render(study_summary))
    for trial in study_summary.in_state("done", "pruned", "failed"):
        if trial is not best:
            shutil.rmtree(trial_folder(out, trial.number) / "checkpoints", ignore_errors=True)


def _refuse_hopeless(study_summary: StudySummary) -> None:
    failed = study_summary.in_state("failed")
    if len(failed) >= HOPELESS and not any(trial.curve for trial in study_summary.trials):
        raise RequestError(
            f"the first {len(failed)} trials failed before the end of an epoch, the last because: {failed[-1].error}"
        )
