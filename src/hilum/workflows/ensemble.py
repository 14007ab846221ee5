"""Several networks by one recipe: seeds or folds, each a run of its own, and one bundle of them all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec.structs import replace

from hilum.history import Row
from hilum.progress import first_process
from hilum.recipe import Members, Recipe
from hilum.records import Manifest, Prediction, Predictions, answer_of
from hilum.workflows.deployed import fit_gate, whole_films
from hilum.workflows.fuse import fuse_bundles, fused_recipe, members_of
from hilum.workflows.train_network import TrainedNetwork, fit_network, write_bundle, write_run_inputs

if TYPE_CHECKING:
    from torch import nn

    from hilum.batches import FilmBatches
    from hilum.bundle import Decisions

logger = logging.getLogger("hilum")


def train_members(
    recipe: Recipe,
    manifest: Manifest,
    folder: Path,
    *,
    resume: bool = False,
    memory: int | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> Path | None:
    """Train every member into a folder of its own, and fuse them if the recipe asks for it.

    Args:
        recipe: with its `[members]`.
        manifest: the films.
        folder: gets `recipe.toml`, `manifest.csv`, a run for each member, and `bundle` where they are fused.
        resume: whether to complete the run in this folder; members that are done are not trained again.
        memory: as for `train_network`.
        on_row: as for `train_network`; called for each member in turn.

    Returns:
        The folder of the bundle of them all. None where the recipe asks for none, and in all but the first of several
        processes.

    Raises:
        HilumError: recipe, films and weights do not go together.
    """
    from hilum.training import pin_precision

    if not resume:
        recipe = pin_precision(recipe)
    plans = plan_members(recipe, manifest)
    if not resume:
        write_run_inputs(recipe, manifest, folder)
    trained = []
    for member in plans:
        run = folder / member.name
        started = (run / "recipe.toml").exists()
        trained.append(fit_network(member.recipe, member.films, run, resume=started, memory=memory, on_row=on_row))
    if not first_process():
        return None
    if recipe.training.keep == "agreed":
        _keep_common_epoch(recipe, trained)
    bundles = [write_bundle(each) for each in trained]
    if recipe.members.folds:
        return _out_of_fold(recipe, plans, trained, bundles, folder)
    if recipe.members.fuse == "none":
        return None
    val = trained[0].manifest
    return fuse_bundles(bundles, val, folder / "bundle", name=recipe.name, shares=recipe.members.fuse)


class MemberPlan(NamedTuple):
    """One network of several.

    Attributes:
        name: of its run's folder.
        recipe: its own.
        films: that it learns from, with those that it holds out as `val`.
        held_out: what sets the films of an acquisition apart that it holds out, in words; else empty.
    """

    name: str
    recipe: Recipe
    films: Manifest
    held_out: str = ""


def cut_folds(recipe: Recipe, manifest: Manifest) -> list[tuple[Manifest, str]]:
    """The films of each fold, and what sets those apart that it holds out; the errors are those of `plan_members`."""
    from hilum import films

    if recipe.members.folds_by == "patient":
        return [(fold, "") for fold in films.folds(manifest, recipe.members.folds, recipe.seed)]
    from hilum.auditing.acquisition import acquisition_groups

    groups = acquisition_groups(films.pool_of(manifest), recipe.members.folds, recipe.seed)
    cut = films.folds_by_group(manifest, groups.group_of)
    return list(zip(cut, groups.descriptions, strict=True))


def plan_members(recipe: Recipe, manifest: Manifest) -> list[MemberPlan]:
    """Each member's folder, recipe and films.

    Raises:
        FilmError: films are to be cut by acquisition, and one cannot be read.
        LayoutError: the films do not make such folds.
    """
    alone = replace(recipe, members=Members())
    if recipe.members.folds:
        cut = cut_folds(recipe, manifest)
        return [
            MemberPlan(f"fold-{number}", replace(alone, name=f"{recipe.name}, fold {number} of {len(cut)}"), *fold)
            for number, fold in enumerate(cut, start=1)
        ]
    return [
        MemberPlan(f"seed-{seed}", replace(alone, name=f"{recipe.name}, seed {seed}", seed=seed), manifest)
        for seed in range(recipe.seed, recipe.seed + recipe.members.seeds)
    ]


def _keep_common_epoch(recipe: Recipe, trained: Sequence[TrainedNetwork]) -> None:
    """Give every network the weights of the epoch whose monitored figure is best on average over the seeds."""
    from hilum.training import checkpoint
    from hilum.training.model_selection import monitored_value
    from hilum.training.run_files import RunFiles

    epochs = min(len(each.result.history) for each in trained)
    costs = [
        float(np.mean([monitored_value(each.result.history[epoch], recipe.training) for each in trained]))
        for epoch in range(epochs)
    ]
    first = min(recipe.training.min_epochs, epochs) - 1
    best = first + int(np.argmin(costs[first:])) + 1
    logger.info(f"epoch {best} is the best of {epochs} on average over {len(trained)} seeds")
    for each in trained:
        kept = RunFiles(each.result.folder).weights_of(best)
        each.trained_part.load_state_dict(checkpoint.load(kept)[0]["model"])
        each.result.kept_epoch = best


def _out_of_fold(
    recipe: Recipe,
    plans: Sequence[MemberPlan],
    trained: Sequence[TrainedNetwork],
    bundles: Sequence[Path],
    folder: Path,
) -> Path | None:
    """Predict every film by the network that had not seen its fold; fuse the networks if the recipe asks for it."""
    from hilum import bundle, models, training
    from hilum.bundle.network_payload import NetworkPayload
    from hilum.bundle.weights import load_networks
    from hilum.bundle.write import write
    from hilum.evaluation import evaluate_folds, write_folds
    from hilum.records import write_predictions

    opened = [bundle.read(each) for each in bundles]
    networks = [network for each in opened for network in load_networks(each)]
    vals = [whole_films(each.manifest.split("val"), each.classes, each.recipe) for each in trained]
    held_out = [
        (models.InParts(NetworkPayload([network], each.recipe).model), films)
        for network, each, films in zip(networks, trained, vals, strict=True)
    ]
    decisions = training.with_controls(training.choose_out_of_fold(held_out, recipe), held_out, recipe)
    classes = trained[0].classes
    predictions = predictions_out_of_fold(held_out, decisions, classes)
    write_predictions(predictions, folder / "out_of_fold.csv")
    by_fold = evaluate_folds(
        predictions, recipe.members.folds_by, [(each.name, each.held_out, each.films.split("val")) for each in plans]
    )
    write_folds(by_fold, folder / "folds.json")
    logger.info(
        f"{folder}: out of fold, AUROC {decisions.metrics['auroc']}; each film's probability is in out_of_fold.csv"
    )
    for line in by_fold.lines():
        logger.info(line)
    if recipe.members.fuse == "none":
        return None
    fused = fused_recipe(recipe.name, opened)
    members = tuple(member for each in opened for member in members_of(each.spec, 1 / len(opened)))
    return write(
        NetworkPayload(networks, fused, members),
        folder / "bundle",
        recipe=fused,
        classes=classes,
        manifest=Manifest(tuple(film for films in vals for film in films.manifest)),
        decisions=decisions,
        gate=fit_gate(Manifest(tuple(film for films in vals for film in films.manifest)), recipe),
        history=[],
        out_of_fold=True,
    ).folder


def predictions_out_of_fold(
    held_out: Sequence[tuple[nn.Module, FilmBatches]], decisions: Decisions, classes: tuple[str, ...]
) -> Predictions:
    """Each network's predictions of the films of its own fold, as one table."""
    from hilum import bundle
    from hilum.confidence import calibrated, prediction_sets
    from hilum.inference import Detector
    from hilum.training import predict_logits

    threshold, rows = decisions.operating_point.threshold, []
    for network, films in held_out:
        probs = calibrated(
            decisions.calibration, bundle.probabilities(predict_logits(network, films.unaugmented()).numpy())
        )
        inside = None if decisions.conformal is None else prediction_sets(decisions.conformal, probs)
        for number, (film, row) in enumerate(zip(films.manifest, probs.tolist(), strict=True)):
            called = classes[Detector.predicted_class(row, threshold)]
            plausible = None if inside is None else tuple(np.array(classes)[inside[number]].tolist())
            answer, why = answer_of(classes, called, plausible, None)
            rows.append(Prediction(film, tuple(row), called, plausible=plausible or (), answer=answer, why=why))
    return Predictions(classes, threshold, tuple(rows))
