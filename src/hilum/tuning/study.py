"""A study: trials drawn from a recipe's search space, one after another, until there are as many as planned.

What a trial draws depends on the recipe's seed, the trial's number and the trials before it, never on a generator
that outlives it. So a study that was stopped and is continued draws what it would have drawn.
"""

from __future__ import annotations

import logging
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
from hilum.tuning.summary import ERROR, SECONDS, StudyObjective, StudySummary, ValidationFilms, summarize

logger = logging.getLogger("hilum")

Row = dict[str, float]

PAGE_SECONDS = 60.0  # the page is redrawn after a trial at most so often, as it takes a second or two
HOPELESS = 3  # trials that fail before any has finished an epoch: then their values are not the reason


class Train(Protocol):
    """A function that trains by a recipe and returns the epoch that was kept; its figure is the trial's."""

    def __call__(self, recipe: Recipe, folder: Path, *, on_epoch: Callable[[Row], None]) -> int:
        """Train.

        Args:
            recipe: the trial's recipe.
            folder: the trial's folder, with the checkpoint of a run that was killed if there was one.
            on_epoch: is summary of every epoch, also of those that the killed run had finished, and may raise.

        Raises:
            FilmError: a film cannot be read, so no trial can be trained.
            HilumError: this trial cannot be trained.
        """


def tune(
    space: Space,
    films: Manifest,
    out: Path,
    train: Train,
    objective: StudyObjective,
    *,
    trials: int | None = None,
    storage: str | None = None,
) -> StudySummary:
    """Run trials until the study has as many as planned, or until other processes train the last ones.

    Any number of processes may do so at once, in one folder or, with one database, in several. Progress is logged.

    Args:
        space: the recipe and its search space.
        films: those that every trial is trained and validated on; test films are not read.
        out: the folder for `trial-0000/`, …, for the best values as `best.toml` and all trials as `study.html`, and
            without `storage` for the study's database `study.db`. Checkpoints are kept of the best trial and of
            those that are not finished.
        train: trains one trial.
        objective: the figure that trials are compared by.
        trials: how many to run, counting those that were pruned or failed; None takes the recipe's number.
        storage: the URL of a database that workers share; None keeps one in `out`.

    Raises:
        RequestError: the study was started with something else, or its first trials all failed.
        FilmError: a film cannot be read; its trial is resumed with the study.
        HilumError: the database no longer answers.
    """
    planned = trials or space.recipe.tune.trials
    out.mkdir(parents=True, exist_ok=True)
    url = storage or f"sqlite:///{(out / 'study.db').resolve()}"
    films = films.where(lambda film: film.split in ("train", "val"))
    val = films.split("val")
    measured_on = ValidationFilms(len(val), len({film.patient for film in val if film.patient}))
    with translated_errors(url):
        study, database = open_study(url, space.recipe, films, minimize=objective.minimize)
        study.pruner = _pruner(space.recipe)
        folder = StudyFolder(out, study, database)

        def write(page: bool = True) -> StudySummary:
            with folder.alone():  # the process that writes last has read last
                summary = summarize(study, space.recipe, objective, planned, measured_on)
                _write(summary, space, out, page)
            return summary

        drawn_at = -math.inf
        while True:
            with folder.next_trial(planned) as claim:
                if claim is None:
                    break
                _run(claim, space, train, objective)
            if due := time.monotonic() - drawn_at > PAGE_SECONDS:
                drawn_at = time.monotonic()
            _refuse_hopeless(write(page=due))
        return write()


def _run(claim: Claim, space: Space, train: Train, objective: StudyObjective) -> None:
    """Train one trial until it is done, pruned or failed; if it is interrupted it can be resumed."""
    trial, study = claim.trial, claim.trial.study
    study.sampler = _sampler(space.recipe, trial.number)
    values, prune_after = space.draw(trial), space.recipe.tune.prune_after
    again = f" (resumed after epoch {max(claim.reported)})" if claim.reported else ""
    logger.info(f"trial {trial.number}: {format_values(values)}{again}")
    try:
        recipe = space.recipe_with(values)
        watch = _TrialReporter(claim, recipe, prune_after, objective)
        kept = train(recipe, claim.folder, on_epoch=watch)
        figure = watch.figures[kept]
        if not math.isfinite(figure):
            raise HilumError(f"its {objective.description} is {figure}")
    except optuna.TrialPruned:
        study.tell(trial.number, state=TrialState.PRUNED)
        logger.info(f"trial {trial.number}: pruned, worse than others were at this epoch")
    except FilmError:
        raise
    except HilumError as error:
        # Not as Optuna's FAIL, which its sampler ignores: it would draw what diverges again and again.
        trial.set_user_attr(ERROR, " ".join(str(error).split()))
        study.tell(trial.number, state=TrialState.PRUNED)
        logger.info(f"trial {trial.number}: failed: {error}")
    else:
        study.tell(trial.number, figure)
        logger.info(f"trial {trial.number}: {objective.description} {figure:.4f}")


class _TrialReporter:
    """Reports every epoch of a trial, and ends the trial if it is to be pruned."""

    def __init__(self, claim: Claim, recipe: Recipe, prune_after: int, objective: StudyObjective) -> None:
        self.figures = dict(claim.reported)
        self._trial = claim.trial
        self._objective = objective
        scheme = recipe.training
        self._epochs = scheme.epochs
        # The first epoch that could be kept and that was trained at the full learning rate.
        self._prunes_from = max(prune_after, scheme.min_epochs, math.ceil(scheme.warmup_epochs) + 1)
        self._seconds: dict[int, float] = {}

    def __call__(self, row: Row) -> None:
        epoch = int(row["epoch"])
        self._seconds[epoch] = row["seconds"]
        if epoch in self.figures:
            return
        figure = self.figures[epoch] = row[self._objective.column]
        self._trial.report(figure, epoch)
        self._trial.set_user_attr(SECONDS, sum(self._seconds.values()))
        logger.info(
            f"trial {self._trial.number}, epoch {epoch}/{self._epochs}: {self._objective.description} {figure:.4f}, "
            f"{row['seconds']:.0f} s"
        )
        # After the last epoch nothing is left to save, and a finished trial tells more than a pruned one.
        if self._prunes_from <= epoch < self._epochs and self._trial.should_prune():
            raise optuna.TrialPruned


def _sampler(recipe: Recipe, number: int) -> optuna.samplers.BaseSampler:
    """Each trial has a sampler of its own: two workers never draw alike, and a resumed one draws as before."""
    seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # Optuna 4 calls both so
        return optuna.samplers.TPESampler(
            n_startup_trials=recipe.tune.startup_trials, seed=seed, multivariate=True, constant_liar=True
        )


def _pruner(recipe: Recipe) -> optuna.pruners.BasePruner:
    """Epochs are counted from 1; `_TrialReporter` never prunes the first ones."""
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


def _write(summary: StudySummary, space: Space, out: Path, page: bool) -> None:
    """Write the current state, and delete checkpoints that nothing is resumed from."""
    best = summary.best
    if best is not None:
        write_text(out / "best.toml", write_recipe(space.recipe_with(best.values)))
    if page:
        write_text(out / "study.html", render(summary))
    for trial in summary.in_state("done", "pruned", "failed"):
        if trial is not best:
            shutil.rmtree(trial_folder(out, trial.number) / "checkpoints", ignore_errors=True)


def _refuse_hopeless(summary: StudySummary) -> None:
    failed = summary.in_state("failed")
    if len(failed) >= HOPELESS and not any(trial.curve for trial in summary.trials):
        raise RequestError(
            f"the first {len(failed)} trials failed before the end of an epoch, the last because: {failed[-1].error}"
        )
