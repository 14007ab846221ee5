"""`hilum tune`: a recipe's best values, searched for on the validation films."""

from __future__ import annotations

import gc
import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from hilum.cli import app, tell
from hilum.cli.learning import learn, pin_weights
from hilum.cli.options import Data, PatientPattern, SplitBy
from hilum.errors import HilumError, LayoutError, RecipeError, RequestError
from hilum.recipe import Recipe, read_recipe
from hilum.records import SPLITS, Manifest, read_manifest

if TYPE_CHECKING:
    from hilum.tuning import Told, Train

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
    from hilum.training.keeping import MONITORED

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
    goal = tuning.Goal(column, WORDS[resolved.training.monitor], less_is_better)
    try:
        told = tuning.tune(space, found, out, trainer(found), goal, trials=trials, storage=storage, tell=tell)
    except KeyboardInterrupt:
        tell("stopped; the same command goes on with the study and with this trial")
        raise typer.Exit(130) from None
    how = f" --split-by {split_by}" if split_by != "patient" else ""
    how += f" --patient-pattern {shlex.quote(patient_pattern)}" if patient_pattern else ""
    report(told, f"--data {data}{how}", out)


def films_to_tune_on(data: Path, split_by: Literal["patient", "film"], patient_pattern: str | None) -> Manifest:
    """The films to learn from and to be validated on.

    Of a manifest no test film is touched. A folder or a table is indexed as for training, which reads each file's
    bytes to find copies in two splits, and decodes none.
    """
    from hilum import films

    def without_test(manifest: Manifest) -> Manifest:
        return Manifest(tuple(film for film in manifest if film.split in ("train", "val")))

    if data.suffix.lower() == ".csv" and data.is_file():
        with suppress(LayoutError):  # a table, which films.index reads
            listed = read_manifest(data)
            known = {film.split for film in listed} <= {"", *SPLITS}  # else films.index says what is wrong
            if known and without_test(listed).films:
                return without_test(listed)
    indexed = films.index(data, split_by=split_by, patient_pattern=patient_pattern)
    for note in indexed.notes:
        tell(f"note: {note}")
    return without_test(indexed)


def check_films(recipe: Recipe, manifest: Manifest) -> int:
    """How many classes there are; refuses films that no trial could be trained or judged on."""
    import numpy as np

    from hilum import films
    from hilum.training.keeping import check_monitor

    labelled = manifest.labelled_by(recipe.labels)
    classes = films.choose_classes(labelled, recipe.classes)
    check_monitor(recipe.training, np.array([film.label for film in labelled.split("val")]))
    return len(classes)


def network_check(classes: int) -> Callable[[Recipe], None]:
    """Refuses a recipe whose network cannot be built; none of its weights is made."""
    import torch

    from hilum import models

    built = set()

    def check(recipe: Recipe) -> None:
        which = recipe.model, recipe.side, recipe.transfer.frozen
        if which in built:
            return
        with torch.device("meta"):
            network = models.build(recipe.model, recipe.side, classes)
        if recipe.transfer.frozen:
            network.split(recipe.transfer.frozen)
        built.add(which)

    return check


def trainer(manifest: Manifest) -> Train:
    """What a study calls for each of its trials."""

    def train(recipe: Recipe, folder: Path, *, on_epoch: Callable[[dict[str, float]], None]) -> int:
        import torch

        from hilum.history import read_history

        gc.collect()  # the last trial's network and optimiser held each other
        resume = (folder / "recipe.toml").exists()
        if resume:
            # An epoch that was done and not reported any more, because the process was killed in between.
            for row in read_history(folder / "history.csv"):
                on_epoch(row)
        try:
            return learn(recipe, manifest, folder, resume=resume, on_epoch=on_epoch).run.kept_epoch
        except torch.OutOfMemoryError:
            raise HilumError("the device's memory does not hold it") from None

    return train


def report(told: Told, films: str, out: Path) -> None:
    """Say what was found and what to do next; stdout gets the best values as `--set` takes them.

    Args:
        told: the study.
        films: the options that name them.
        out: the study's folder.

    Raises:
        HilumError: every trial failed.
    """
    from hilum import tuning

    page, best, unfinished = out / "study.html", told.best, told.in_state("unfinished")
    if unfinished:
        where = ", ".join(sorted({trial.where for trial in unfinished}))
        tell(f"trials that are not finished: {len(unfinished)}; others are at them, or were stopped ({where})")
    if best is None and not unfinished:
        failed = told.in_state("failed")
        raise HilumError(
            f"{page}: no trial came to its end"
            + (f"; the last failed because: {failed[-1].error}" if failed else "; set tune.prune=none")
        )
    tell(f"{page}: {tuning.verdict(told)}")
    if best is None:
        tell("Next: the same command again, when the others are done")
        return
    for key, value in best.values.items():
        typer.echo(f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    tell(f"note: {tuning.optimism(told)}")
    run = tuning.folder_of(out, best.number)
    if run.exists():
        tell(f"note: hilum train --resume {run} makes the same detector of what the trial has learnt already")
    tell(f"Next: hilum train {out / 'best.toml'} {films}")
