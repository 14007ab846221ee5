"""`hilum tune`: a recipe's best values, searched for on the validation films."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from hilum.cli import app, tell
from hilum.cli.options import Data, PatientPattern, SplitBy
from hilum.errors import HilumError, RecipeError, RequestError
from hilum.recipe import read_recipe

if TYPE_CHECKING:
    from hilum.tuning import StudySummary

WORDS = {
    "loss": "loss on validation",
    "accuracy": "accuracy on validation",
    "auroc": "AUROC on validation",
    "views_loss": "loss on validation's views",
    "views_auroc": "AUROC on validation's views",
    "shifted_loss": "loss on shifted validation",
    "shifted_auroc": "AUROC on shifted validation",
}


@app.command()
def tune(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe (TOML) whose [tune.space] says what may vary.")
    ],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="The study's folder; the same folder goes on with it.")],
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="How many in all; the recipe's tune.trials without.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", help="A database's URL for workers on several machines; OUT/study.db without."),
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change the recipe: section.key=value.")] = None,
    split_by: SplitBy = "patient",
    patient_pattern: PatientPattern = None,
) -> None:
    """Search for a recipe's best values: train trial after trial, each judged by training.monitor on validation.

    The recipe says what may vary, and how many trials there are to be:

    \b
      [tune]
      trials = 20
      prune = "median"        (or "hyperband", or "none")
      [tune.space]
      "training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
      "batches.size" = { low = 16, high = 64, step = 16 }
      "training.optimizer" = ["adam", "adamw"]

    OUT gets best.toml, a recipe to train by, and study.html, a page on all trials, while the study goes on. The test
    films are not read: judge the best recipe's detector on them, once.

    The same command goes on with a study that was stopped, and with the trials that were being trained. Run at once
    several times it shares the trials out: on one machine as it is, on several with the same --storage.
    """
    from hilum import tuning
    from hilum.training.model_selection import MONITORED
    from hilum.workflows.train_network import pin_weights
    from hilum.workflows.tune import check_films, films_to_tune_on, network_check, trainer

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RequestError("tune trains each trial in one process: start several hilum tune instead of torchrun")
    resolved = read_recipe(recipe, settings or ())
    if resolved.classical:
        raise RecipeError(
            f"{recipe}: a system without a network tries its own values, by cross-validation, while it is trained: "
            "name them in classical.strengths and classical.selected, and run hilum train"
        )
    if resolved.members.several or resolved.training.keep == "agreed":
        raise RecipeError(
            f"{recipe}: a trial trains one network; set members.seeds=1, members.folds=0, training.keep=best, "
            "and put them back into best.toml"
        )
    found = films_to_tune_on(data, cast(Literal["patient", "film"], split_by), patient_pattern)
    classes = check_films(resolved, found)
    space = tuning.read_space(pin_weights(resolved), str(recipe), check=network_check(classes))
    column, less_is_better = MONITORED[resolved.training.monitor]
    goal = tuning.Objective(column, WORDS[resolved.training.monitor], less_is_better)
    try:
        summary = tuning.tune(space, found, out, trainer(found), goal, trials=trials, storage=storage, tell=tell)
    except KeyboardInterrupt:
        tell("stopped; the same command goes on with the study and with this trial")
        raise typer.Exit(130) from None
    how = f" --split-by {split_by}" if split_by != "patient" else ""
    how += f" --patient-pattern {shlex.quote(patient_pattern)}" if patient_pattern else ""
    report(summary, f"--data {data}{how}", out)


def report(summary: StudySummary, films: str, out: Path) -> None:
    """Say what was found and what to do next; stdout gets the best values as `--set` takes them.

    Args:
        summary: the study.
        films: the options that name them.
        out: the study's folder.

    Raises:
        HilumError: every trial failed.
    """
    from hilum import tuning

    page, best, unfinished = out / "study.html", summary.best, summary.in_state("unfinished")
    if unfinished:
        where = ", ".join(sorted({trial.where for trial in unfinished}))
        tell(f"trials that are not finished: {len(unfinished)}; others are at them, or were stopped ({where})")
    if best is None and not unfinished:
        failed = summary.in_state("failed")
        raise HilumError(
            f"{page}: no trial came to its end"
            + (f"; the last failed because: {failed[-1].error}" if failed else "; set tune.prune=none")
        )
    tell(f"{page}: {tuning.headline(summary)}")
    if best is None:
        tell("Next: the same command again, when the others are done")
        return
    for key, value in best.values.items():
        typer.echo(f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    tell(f"note: {tuning.optimism(summary)}")
    run = tuning.trial_folder(out, best.number)
    if run.exists():
        tell(f"note: hilum train --resume {run} makes the same detector of what the trial has learnt already")
    tell(f"Next: hilum train {out / 'best.toml'} {films}")
