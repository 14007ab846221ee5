"""What a recipe does with a film before anything is learnt from it, as a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from hilum.errors import RequestError
from hilum.recipe import Pixels, Recipe, read_recipe
from hilum.recipe.classical import Step
from hilum.records.text import printable


@dataclass(frozen=True, slots=True)
class PreprocessingDrawing:
    """A picture of a film after every step of its preparation.

    Attributes:
        path: of the picture.
        steps: after grey and scaled, in order.
        notes: what was not found in the film, and what is unusual about its lungs.
    """

    path: Path
    steps: tuple[str, ...]
    notes: tuple[str, ...]


def draw_preprocessing(
    film: str | Path, out: str | Path, recipe: Recipe | str | Path | None = None
) -> PreprocessingDrawing:
    """Draw a film after every step of its preparation, as one picture.

    Args:
        film: its path.
        out: the picture, a `.png`.
        recipe: whose steps; None takes every step, at 224 pixels.

    Raises:
        RequestError: `out` does not end in `.png`, or is the film.
        FilmError: the film cannot be read.
    """
    out = Path(out)
    if out.suffix.lower() != ".png":
        raise RequestError(f"--out {out}: the picture is a PNG; name a file that ends in .png")
    if out.exists() and os.path.exists(film) and os.path.samefile(film, out):
        raise RequestError(f"--out {out}: that is the film itself, which is never replaced; name another file")
    spec: Pixels = Pixels(size=224)
    steps: tuple[Step, ...] = get_args(Step)
    if recipe is not None:
        resolved = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
        spec, steps = resolved.pixels, resolved.classical.steps if resolved.classical else ()

    from hilum.extras import require

    require("evaluate", "drawing a film's preparation")

    from hilum import pixels
    from hilum.classical import prepare, steps_picture
    from hilum.classical.features.outline import outline_of_crop
    from hilum.files import replacing
    from hilum.pixels.preprocess import preprocess_scaled

    grey = pixels.decode(str(film), spec.window, grey_scale=spec.grey_scale)
    shown = preprocess_scaled(grey, spec, grey.shape, 1)
    known = None if shown.lungs is None else outline_of_crop(shown.lungs)
    prepared = prepare(shown.levels, steps, known=known)
    drawn = steps_picture(grey, prepared, printable(" ".join(Path(film).name.split())))
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as temporary:
        temporary.write_bytes(drawn)
    notes = (*filter(None, (shown.doubt,)), *shown.remarks, *prepared.notes)
    return PreprocessingDrawing(out, steps, notes)
