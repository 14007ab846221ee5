"""The same detector, with calibration, threshold and prediction sets chosen on other films."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from hilum.errors import LayoutError, RecipeError, RequestError
from hilum.extras import require
from hilum.workflows.deployed import fit_gate, open_deployed, summarize

logger = logging.getLogger("hilum")


def calibrate(bundle: Path, data: Path, out: Path, *, split: str = "val", settings: Sequence[str] = ()) -> Path:
    """Choose anew, on other films, how a bundle's probabilities are corrected and where it decides.

    What judges the films stays as it is, and so does its gate, unless `data` is what it learnt from. Films that it
    learnt from would make it look better than it is; name others.

    Args:
        bundle: the bundle's folder.
        data: a folder of films, a table, a manifest or a MedMNIST archive.
        out: gets the new bundle, in `out/bundle`.
        split: whose films choose: `val`, or `all` of your own.
        settings: what is chosen, and how: `bundle.KEY=VALUE`.

    Returns:
        The new bundle's folder.
    """
    from hilum import bundle as bundles
    from hilum import films
    from hilum.bundle.seal import data_fingerprint
    from hilum.bundle.write import rewrite
    from hilum.evaluation.truth import require_known_labels
    from hilum.recipe import with_settings

    folder = out / "bundle"
    if folder.exists():
        raise RequestError(f"{out}: holds a bundle already; name another --out")
    opened = bundles.read(bundle)
    require("evaluate" if opened.spec.recipe.classical else "train", "calibrating")
    for setting in settings:
        if not setting.startswith("bundle."):
            raise RecipeError(f"--set {setting}: calibrating changes nothing but [bundle]; set bundle.KEY=VALUE")
    recipe = with_settings(opened.spec.recipe, ("bundle.calibration=best", *settings))
    manifest = films.index(data, cut=split in ("train", "val")).labelled_by(recipe.labels)
    chosen = manifest.split(split)
    labelled = chosen.where(lambda film: bool(film.label))
    require_known_labels(labelled, opened.spec.classes)
    if missing := [name for name in opened.spec.classes if name not in labelled.labels]:
        named = ", ".join(missing)
        raise LayoutError(
            f"{data}: no film of the split '{split}' is labelled {named}; some of each class are needed"
        )
    deployed = open_deployed(opened)
    decisions = deployed.fit_decisions(labelled, opened.spec.classes, recipe)
    own = manifest.where(lambda film: film.split in ("train", "val"))
    gate = None
    if (
        data_fingerprint(own) == opened.spec.data_fingerprint
    ):  # the films that it learnt from: its gate can be made anew
        gate = fit_gate(own.split("train"), recipe)
    rewrite(opened, deployed.payload, folder, recipe=recipe, decisions=decisions, gate=gate)
    logger.info(f"{folder}: {summarize(decisions)}")
    return folder
