"""What speaks for a class on films, film by film, and how far that can be trusted."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError, RequestError
from hilum.extras import require
from hilum.locks import one_writer

if TYPE_CHECKING:
    from hilum.explanation import ExplainedFilm, Explanations
    from hilum.inference import Detector, Films
    from hilum.lungs import Lungs
    from hilum.pixels import Square

logger = logging.getLogger("hilum")

RANDOMISED = 8  # films whose maps are compared with those of a network with randomised weights


@one_writer("out")
def explain(
    bundle: str | Path | Detector,
    films: Films,
    *,
    method: Literal["gradcam", "gradcam++", "integrated-gradients", "occlusion"] = "gradcam",
    class_name: str | None = None,
    randomise: bool = False,
    out: str | Path | None = None,
    trusted: str | Path | None = None,
) -> Explanations:
    """Draw on each film what speaks for a class, and measure how far that can be trusted.

    For each film: a heat map, the share of it inside the lungs, and deletion and insertion curves (Petsiuk et al.,
    BMVC 2018). A film that cannot be read gets an entry that says why, and the others are explained.

    Args:
        bundle: the bundle's folder, `shipped`, or an open detector.
        films: a path, several, a folder, a manifest, or arrays of pixel values, as `Detector.predict` takes them.
        method: the attribution method; the last two take a second or more for each film.
        class_name: the class to explain; None takes the positive one of two classes, or of more the one predicted.
        randomise: whether to explain up to 8 of the films by a network with randomised weights as well (Adebayo et
            al., NeurIPS 2018).
        out: a folder that gets `index.html`, `explain.json` and a picture of each film; None writes nothing.
        trusted: a public key, or a folder of them, that must have signed the bundle; as for `Detector`.

    Returns:
        An entry for each film, in order; a notebook shows the heat maps. About 0.3 MB for each film of 224×224.

    Raises:
        RequestError: torch is not installed, the bundle holds no network, there is no such class, or the method does
            not suit the network.
        BundleError: the bundle is damaged.
        LayoutError: there are no such films.
    """
    require("train", "explaining films")
    import captum.attr  # noqa: F401  (fails here, before anything is written)
    import torch  # noqa: F401

    from hilum import bundle as bundles
    from hilum.bundle import require_network
    from hilum.inference import Detector, film_items

    opened = bundle.bundle if isinstance(bundle, Detector) else bundles.read(bundle, trusted)
    require_network(opened, "a map follows a network's gradients or hides parts of the film from it")
    spec = opened.spec
    chosen = _target_of(class_name, spec.classes)
    items = film_items(films)

    from hilum import explanation
    from hilum.bundle.weights import load_model
    from hilum.gate import stopping
    from hilum.progress import track

    detector = bundle if isinstance(bundle, Detector) else Detector(opened)
    model = load_model(opened)
    folder = None if out is None else Path(out)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    rows: list[ExplainedFilm] = []
    compared: list[NDArray[np.uint8]] = []  # films of which the same class is explained
    compared_target = 0
    for number, (film, array) in enumerate(track(items, "explaining", len(items)), start=1):
        path = film.path
        try:
            square = detector.read_square(path, array)
        except FilmError as error:
            rows.append(explanation.ExplainedFilm(path, error=error.reason))
            continue
        (predicted,), grey = detector.predict_squares((film,), (square,)), square.levels
        target = spec.classes.index(predicted.prediction) if chosen is None else chosen
        row = explanation.ExplainedFilm(
            path,
            spec.classes[target],
            predicted.probs[target],
            predicted.prediction,
            explanation.explain_film(model, detector.probs, grey, method, target, _lungs_of(square)),
            f"{number:04d}.png",
            "; ".join(stopping(predicted.flags)),
            answer=predicted.answer,
            why=predicted.why,
        )
        rows.append(row)
        if folder is not None:
            explanation.write_picture(row, folder)
        compared_target = compared_target if compared else target
        if len(compared) < RANDOMISED and target == compared_target:
            compared.append(grey)
    randomised = (
        explanation.randomise(model, np.stack(compared), method, compared_target) if randomise and compared else ()
    )
    name, system = spec.recipe.name, spec.recipe.system
    explained = explanation.Explanations(name, system, method, tuple(rows), randomised, folder)
    if folder is not None:
        explanation.write_explanations(explained, folder)
    return explained


def _target_of(name: str | None, classes: tuple[str, ...]) -> int | None:
    """The index of the class to explain; None means the one that each film is predicted to be."""
    if name is None:
        return 1 if len(classes) == 2 else None
    if name not in classes:
        raise RequestError(f"--class: no class '{name}' in this bundle; there are {', '.join(classes)}")
    return classes.index(name)


def _lungs_of(square: Square) -> Lungs | None:
    """The lungs in a film that was cropped to them; None in a film that is shown whole."""
    from hilum.lungs import Lungs
    from hilum.records.reasons import NO_LUNGS

    if square.lungs is None:
        return None
    mask = square.lungs > 127
    return Lungs(mask, 1.0) if mask.any() else Lungs(None, 0.0, reason=square.doubt.removeprefix(NO_LUNGS))
