"""Whether films are those that a detector has learnt from: figures and choices on such films look too good."""

from __future__ import annotations

from pathlib import Path

from hilum.bundle import Spec
from hilum.errors import HilumError
from hilum.records import Manifest, read_manifest


def notes_on_training(spec: Spec, folder: Path, indexed: Manifest, split: str) -> list[str]:
    """What to keep in mind about figures on films that the detector was made from.

    All of them are recognised by the fingerprint in the bundle; some of them by the manifest of the run, where the
    bundle still lies in the run's folder.

    Args:
        spec: of the bundle.
        folder: where it lies.
        indexed: films of all splits.
        split: which of them figures are of.
    """
    chosen = _of_split(indexed, split)
    if split != "test" and _are_its_own(spec, indexed):
        if split == "val":
            return ["Its threshold and its calibration were chosen on these films; on others it may do less well."]
        return ["It was trained on these films: the figures do not say how good it is on films that it has not seen."]
    if count := _trained_on(folder, chosen):
        return [
            f"It was trained on {count:,} of these {len(chosen):,} films: the figures look better than they are; "
            "leave those films out."
        ]
    return []


def notes_on_choosing(spec: Spec, folder: Path, indexed: Manifest, split: str) -> list[str]:
    """The same about films on which calibration and threshold are to be chosen anew; the arguments are the same."""
    chosen = _of_split(indexed, split)
    count = _trained_on(folder, chosen)
    if _are_its_own(spec, indexed):
        count = max(count, len(_of_split(chosen, "train")))
    if not count:
        return []
    return [
        f"It was trained on {count:,} of these {len(chosen):,} films, and is surer of them than of others: what is "
        "chosen on them does not suit other films; use films that it has not seen."
    ]


def notes_on_start(source: str, films: Manifest) -> list[str]:
    """Whether weights that training starts from have learnt from the films that it is validated on.

    Args:
        source: a run's or a bundle's folder, as a recipe names it; anything else is of unknown films.
        films: of training and validation.
    """
    folder = Path(source).expanduser()
    val = _of_split(films, "val")
    count = _trained_on(folder if (folder / "bundle.json").exists() else folder / "bundle", val) if source else 0
    if not count:
        return []
    return [
        f"{source} was trained on {count:,} of the {len(val):,} validation films: the figures on validation look "
        "better than they are; validate on films that it has not seen."
    ]


def learnt_from(spec: Spec, folder: Path, indexed: Manifest) -> set[str]:
    """Which of these films a detector was trained on, by SHA-256; the arguments are those of `notes_on_training`.

    They are known by the manifest of the run that the bundle lies in, or where they are all of its own films.
    """
    trained = {film.sha256 for film in films_of_run(folder) if film.split == "train"}
    if _are_its_own(spec, indexed):
        trained |= {film.sha256 for film in _of_split(indexed, "train")}
    return {film.sha256 for film in indexed} & (trained - {""})


def films_of_run(bundle: Path) -> Manifest:
    """The films of the run that a bundle lies in, as its manifest lists them; none where there is no such run."""
    try:
        return read_manifest(bundle.parent / "manifest.csv")
    except (HilumError, OSError):
        return Manifest(())


def _of_split(films: Manifest, split: str) -> Manifest:
    """The films of one split, or of all; there may be none."""
    return films.where(lambda film: split in ("all", film.split))


def _are_its_own(spec: Spec, indexed: Manifest) -> bool:
    """Whether the train and val films are those that the bundle was made from, all of them and no others."""
    from hilum.bundle.seal import data_fingerprint

    own = indexed.where(lambda film: film.split in ("train", "val")).labelled_by(spec.recipe.labels)
    return data_fingerprint(own) == spec.data_fingerprint


def _trained_on(bundle: Path, films: Manifest) -> int:
    """How many of these films are among the training films of the run that a bundle lies in; 0 if none is known."""
    trained = {film.sha256 for film in films_of_run(bundle) if film.split == "train"} - {""}
    return sum(film.sha256 in trained for film in films)
