"""`hilum tune`: search for a recipe's best values on the validation films."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from hilum.cli.options import ClassName, Data, PatientPattern, SplitBy
from hilum.cli.terminal import app, tell
from hilum.errors import HilumError

if TYPE_CHECKING:
    from hilum.tuning import StudySummary


@app.command()
def tune(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help="A recipe's name or a TOML file; its [tune.space] says what varies."),
    ],
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="The study's folder; naming it again continues the study.")],
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="How many to run in all. Default: the recipe's tune.trials.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", help="A database's URL for workers on several machines. Default: OUT/study.db."),
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change the recipe: section.key=value.")] = None,
    split_by: SplitBy = "patient",
    patient_pattern: PatientPattern = None,
    class_name: ClassName = None,
) -> None:
    """Search for a recipe's best values: train trial after trial, compared by training.monitor on validation.

    The recipe says what may vary, and how many trials to run:

    \b
      [tune]
      trials = 20
      prune = "median"        (or "hyperband", or "none")
      [tune.space]
      "training.learning_rate" = { low = 1e-5, high = 1e-2, log = true }
      "batches.size" = { low = 16, high = 64, step = 16 }
      "training.optimizer" = ["adam", "adamw"]

    OUT gets best.toml, a recipe to train by, and study.html, a page on all trials, while the study runs. The test
    films are not read: evaluate the best recipe's detector on them, once.

    The same command continues a study that was stopped, and the trials that were being trained. Several processes
    share the trials: on one machine as it is, on several machines with the same --storage.
    """
    from hilum.films import parse_class_names
    from hilum.workflows.tune import tune as run

    try:
        summary = run(
            recipe,
            data,
            out,
            settings=settings or (),
            trials=trials,
            storage=storage,
            split_by=cast(Literal["patient", "film"], split_by),
            patient_pattern=patient_pattern,
            class_names=parse_class_names(class_name or ()),
        )
    except KeyboardInterrupt:
        tell("stopped; run the same command again to continue the study and this trial")
        raise typer.Exit(130) from None
    how = f" --split-by {split_by}" if split_by != "patient" else ""
    how += f" --patient-pattern {shlex.quote(patient_pattern)}" if patient_pattern else ""
    how += "".join(f" --class {shlex.quote(each)}" for each in class_name or ())
    report(summary, f"--data {data}{how}", out)


def report(summary: StudySummary, films: str, out: Path) -> None:
    """Print what was found and what to do next; stdout gets the best values as `--set` takes them.

    Args:
        summary: the state of the study.
        films: the options that name the films.
        out: the study's folder.

    Raises:
        HilumError: every trial failed.
    """
    from hilum import tuning

    page, best, unfinished = out / "study.html", summary.best, summary.in_state("unfinished")
    if unfinished:
        where = ", ".join(sorted({trial.where for trial in unfinished}))
        tell(
            f"trials that are not finished: {len(unfinished)}; other processes train them, or were stopped ({where})"
        )
    if best is None and not unfinished:
        failed = summary.in_state("failed")
        raise HilumError(
            f"{page}: no trial is done"
            + (f"; the last failed: {failed[-1].error}" if failed else "; set tune.prune=none")
        )
    tell(f"{page}: {summary.headline}")
    if best is None:
        tell("Next: run the same command again when the others are done")
        return
    for key, value in best.values.items():
        typer.echo(f"{key}={str(value).lower() if isinstance(value, bool) else value}")
    tell(f"note: {tuning.optimism_note(summary)}")
    run = tuning.trial_folder(out, best.number)
    if run.exists():
        tell(f"note: hilum train --resume {run} makes the same detector from the trial's own checkpoint")
    tell(f"Next: hilum train {out / 'best.toml'} {films}")
