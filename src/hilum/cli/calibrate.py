"""`hilum calibrate`: the same detector, with calibration, threshold and prediction sets chosen on other films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli import app, tell
from hilum.cli.classical import choose_again
from hilum.cli.learning import choose_on_films, fit_gate, in_words
from hilum.cli.options import BundleFolder, Data, folder_of
from hilum.errors import LayoutError, RecipeError, RequestError


@app.command()
def calibrate(
    bundle: BundleFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets the new bundle, in OUT/bundle.")],
    split: Annotated[str, typer.Option("--split", help="Whose films choose: val, or all of your own.")] = "val",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="bundle.KEY=VALUE", help="What is chosen, and how.")
    ] = None,
) -> None:
    """Choose anew, on films of yours, how a bundle's probabilities are corrected and where it decides.

    What judges the films stays as it is, and so does its gate, unless --data is what it learnt from. Films that it
    learnt from would make it look better than it is; name others.
    """
    from hilum import bundle as bundles
    from hilum import films
    from hilum.bundle.seal import data_fingerprint
    from hilum.evaluation.truth import require_known_labels
    from hilum.recipe import with_settings

    folder = out / "bundle"
    if folder.exists():
        raise RequestError(f"{out}: holds a bundle already; name another --out")
    opened = bundles.read(folder_of(bundle))
    for setting in settings or ():
        if not setting.startswith("bundle."):
            raise RecipeError(f"--set {setting}: calibrating changes nothing but [bundle]; set bundle.KEY=VALUE")
    recipe = with_settings(opened.spec.recipe, ("bundle.calibration=best", *(settings or ())))
    manifest = films.index(data, cut=split in ("train", "val")).labelled_by(recipe.labels)
    chosen = manifest.split(split)
    labelled = chosen.where(lambda film: bool(film.label))
    require_known_labels(labelled, opened.spec.classes)
    if missing := [name for name in opened.spec.classes if name not in labelled.labels]:
        named = ", ".join(missing)
        raise LayoutError(
            f"{data}: no film of the split '{split}' is labelled {named}; some of each class are needed"
        )
    if recipe.classical:
        result = choose_again(opened, labelled, recipe)
        from hilum.classical.writing import rewrite
    else:
        from hilum.bundle.weights import load_model
        from hilum.bundle.write import rewrite

        result = choose_on_films(load_model(opened), labelled, opened.spec.classes, recipe)
    own = manifest.where(lambda film: film.split in ("train", "val"))
    gate = None
    if (
        data_fingerprint(own) == opened.spec.data_fingerprint
    ):  # the films that it learnt from: its gate can be made anew
        gate = fit_gate(own.split("train"), recipe)
    rewrite(opened, folder, recipe=recipe, chosen=result, gate=gate)
    tell(f"{folder}: {in_words(result)}. Next: hilum evaluate {folder} --data DIR --out DIR")
