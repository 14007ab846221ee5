"""Which of the films that are named a detector can be adapted on; what is left out is said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from hilum.bundle import Bundle
from hilum.errors import FilmError, RequestError
from hilum.progress import track
from hilum.recipe import Recipe
from hilum.records import Film, Manifest
from hilum.workers import map_in_order
from hilum.workflows.seen_films import learnt_from

logger = logging.getLogger("hilum")

_NAMED = 3  # films that a note lists


def films_to_adapt_on(
    opened: Bundle,
    films: Manifest | str | Path | Sequence[str | Path],
    recipe: Recipe,
    class_names: Mapping[str, Sequence[str]] | None,
) -> Manifest:
    """The films with a label of the bundle's classes that it has not learnt from and that can be read.

    Films of the split `test` are left out too, and so are copies. A note says of each reason how many films it is.

    Raises:
        LayoutError: the films cannot be found.
        RequestError: a label is none of the classes, none of the films is left, or none of a class.
    """
    from hilum.evaluation.truth import require_known_labels
    from hilum.films import as_manifest, match_classes

    indexed = as_manifest(films, cut=False, class_names=class_names).labelled_by(recipe.labels)
    matched = match_classes(indexed, opened.spec.classes)
    notes = () if isinstance(films, Manifest) else indexed.notes
    for note in (*notes, *matched.notes):
        logger.info(f"note: {note}")
    kept = _without(
        matched.manifest, lambda film: film.split == "test", "belong to the test, and are left for measuring"
    )
    kept = _without(kept, lambda film: not film.label, "have no label, and are left out")
    require_known_labels(kept, opened.spec.classes)
    seen = learnt_from(opened.spec, opened.folder, matched.manifest)
    kept = _without(
        kept, lambda film: film.sha256 in seen, "are among those that the detector has learnt from, and are left out"
    )
    kept = Manifest(tuple({film.sha256: film for film in reversed(kept.films)}.values())[::-1])
    kept = _readable(kept, recipe)
    if missing := [name for name in opened.spec.classes if name not in kept.labels]:
        what = f"labelled {' or '.join(missing)}" if len(missing) < len(opened.spec.classes) else "to adapt on"
        raise RequestError(f"no film is left {what}; give films of each of {', '.join(opened.spec.classes)}")
    return kept


def _without(films: Manifest, leave: Callable[[Film], bool], why: str) -> Manifest:
    """The films but those to leave out, of which a note says how many they are and why."""
    left = films.where(leave)
    if left.films:
        logger.info(f"note: {len(left):,} of {len(films):,} films {why}: {_listed(left.films)}")
    return films.where(lambda film: not leave(film))


def _readable(films: Manifest, recipe: Recipe) -> Manifest:
    """The films that can be read; a note names the others."""
    from hilum.pixels import decode

    def error_of(film: Film) -> FilmError | None:
        try:
            decode(film.path, recipe.pixels.window, film.sha256, recipe.pixels.grey_scale)
        except FilmError as error:
            return error
        return None

    with closing(map_in_order(error_of, films.films)) as reading:
        errors = list(track(reading, "reading films", len(films)))
    for error in filter(None, errors):
        logger.info(f"note: {error}; it is left out")
    return Manifest(tuple(film for film, error in zip(films, errors, strict=True) if error is None))


def _listed(films: Sequence[Film]) -> str:
    from hilum.films.wording import listed

    return listed((film.path for film in films), _NAMED)
