"""The same detector, with calibration, operating point and prediction sets chosen on other films."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from hilum.errors import LayoutError, RecipeError, RequestError
from hilum.extras import require
from hilum.locks import one_writer
from hilum.records import Manifest
from hilum.workflows.deployed import fit_gate, log_few_films, log_sets, open_deployed, summarize
from hilum.workflows.run import free_folder
from hilum.workflows.seen_films import notes_on_choosing

logger = logging.getLogger("hilum")


@one_writer("out")
def calibrate(
    bundle: str | Path,
    films: Manifest | str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    *,
    split: str = "val",
    settings: Sequence[str] = (),
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Choose again, on films of yours, how a bundle's probabilities are calibrated and where it decides.

    It is the first rung of `adapt`, without the question whether it is better.

    The model stays as it is, and so does its gate, unless the films are those that the bundle was made with. On films
    that it was trained on the detector looks better than it is: use others.

    Args:
        bundle: the bundle's folder, or `shipped`.
        films: a manifest, or what `index` takes.
        out: gets the new bundle, in `out/bundle`; without it `runs/NAME-calibrated`, or the first of
            `runs/NAME-calibrated-2` and so on that is free.
        split: whose films are used: `val`, or `all` of your own.
        settings: what is chosen and how, each `bundle.KEY=VALUE`; without one `bundle.calibration=best`.
        class_names: as for `hilum.index`.

    Returns:
        The new bundle's folder.

    Raises:
        BundleError: the bundle is incomplete or was changed.
        LayoutError: the films cannot be found, or those of a class are missing.
        RecipeError: a setting is not one of `[bundle]`.
        RequestError: `out` holds a bundle already, or the films cannot give what the settings ask for.
    """
    from hilum import bundle as bundles
    from hilum.bundle.seal import data_fingerprint
    from hilum.bundle.write import rewrite
    from hilum.evaluation.truth import require_known_labels
    from hilum.films import as_manifest, match_classes
    from hilum.recipe import with_settings

    opened = bundles.read(bundle)
    run = Path(out) if out is not None else free_folder(f"{opened.spec.recipe.name}-calibrated", "bundle")
    folder = run / "bundle"
    if folder.exists():
        raise RequestError(f"{run}: holds a bundle already; name another --out")
    require("evaluate" if opened.spec.recipe.classical else "train", "calibrating")
    for setting in settings:
        if not setting.startswith("bundle."):
            raise RecipeError(f"--set {setting}: calibrating changes nothing but [bundle]; set bundle.KEY=VALUE")
    recipe = with_settings(opened.spec.recipe, ("bundle.calibration=best", *settings))
    bundles.check_promise(recipe.bundle)
    indexed = as_manifest(films, cut=split in ("train", "val"), class_names=class_names).labelled_by(recipe.labels)
    matched = match_classes(indexed, opened.spec.classes)
    notes = () if isinstance(films, Manifest) else indexed.notes
    for note in (*notes, *matched.notes):
        logger.info(f"note: {note}")
    manifest = matched.manifest
    labelled = manifest.split(split).where(lambda film: bool(film.label))
    require_known_labels(labelled, opened.spec.classes)
    if missing := [name for name in opened.spec.classes if name not in labelled.labels]:
        where = "" if isinstance(films, Manifest) else f"{films}: "
        raise LayoutError(
            f"{where}no film of the split '{split}' is labelled {', '.join(missing)}; some of each class are needed"
        )
    for note in notes_on_choosing(opened.spec, opened.folder, manifest, split):
        logger.info(f"note: {note}")
    log_few_films(labelled, opened.spec.classes)
    deployed = open_deployed(opened)
    decisions = deployed.fit_decisions(labelled, opened.spec.classes, recipe)
    gate = None
    used = manifest.where(lambda film: film.split in ("train", "val"))
    if data_fingerprint(used) == opened.spec.data_fingerprint:  # the bundle's own films: its gate is fitted again
        gate = fit_gate(used.split("train"), recipe, bundles.lung_finder(opened))
    rewrite(opened, deployed.payload, folder, recipe=recipe, decisions=decisions, gate=gate)
    log_sets(decisions, opened.spec.classes)
    logger.info(f"{folder}: {summarize(decisions)}")
    return folder
