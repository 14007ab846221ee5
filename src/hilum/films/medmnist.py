"""MedMNIST's archives: one `.npz` with `train_images`, `train_labels`, … (Yang et al., Sci Data 10, 2023)."""

from __future__ import annotations

import hashlib
import os
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from hilum import pixels
from hilum.errors import LayoutError, NotAFileError
from hilum.films.class_names import ClassNames
from hilum.films.discovery import SourceFilms
from hilum.films.findings import Findings
from hilum.films.wording import count, listed, say
from hilum.records import SPLITS, Film

# The meaning of the numbers is not in the archive; MedMNIST gives it in its INFO table.
_CLASSES = {"pneumoniamnist": ("NORMAL", "PNEUMONIA")}
_CHEST = "chestmnist"  # of NIH ChestX-ray14: a 0 or 1 for each finding
_FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural", "Hernia",
)  # fmt: skip
_NONE = "No Finding"


def read_archive(source: str, class_names: ClassNames | None = None) -> SourceFilms:
    """The films of an archive, each as the member `archive.npz#train/17`, with the archive's splits and SHA-256.

    Labels are class numbers; PneumoniaMNIST's are named, others become `class_0`, `class_1`, …. ChestMNIST has a mark
    for each of 14 findings, of which the user may name those that make a class; films of none have no label.

    Raises:
        LayoutError: the archive is damaged, holds pickled objects or other arrays, or labels that are not classes.
    """
    names = _names(source)
    films = []
    findings = Findings({"NORMAL": (_NONE,), "PNEUMONIA": ("Pneumonia",)}).renamed(class_names or {})
    without: Counter[str] = Counter()
    chest = os.path.basename(source).lower().startswith(_CHEST)
    for split in SPLITS:
        if f"{split}_images" not in names:
            continue
        images = _images(source, split)
        if f"{split}_labels" not in names:
            raise LayoutError(f"{say(source)}: '{split}_images' has no '{split}_labels' to go with it")
        labels = (
            _labels_of_findings(source, split, len(images), findings, without)
            if chest
            else _labels(source, split, len(images))
        )
        for row, label in enumerate(labels):
            # As pixels.hash_film does for one member, while the whole array is at hand.
            sha256 = hashlib.sha256(images[row].tobytes()).hexdigest()
            films.append(Film(f"{source}#{split}/{row}", label=label, split=split, sha256=sha256))
    if not films:
        raise LayoutError(
            f"{say(source)}: expected MedMNIST's arrays train_images and train_labels (val_, test_); "
            f"it holds {listed(names, 6) or 'none'}"
        )
    if not chest:
        return SourceFilms(tuple(films))
    notes = [f"{say(source)}: ChestMNIST: a mark for each finding; {findings.in_words()}; patients are not given"]
    notes += [f"{say(source)}: {count(number, 'film')} unlabelled ({why})" for why, number in without.most_common()]
    return SourceFilms(tuple(films), tuple(notes), findings=frozenset({*_FINDINGS, _NONE}))


def members(source: str) -> list[Film]:
    """The films of an archive without their labels and splits.

    Raises:
        LayoutError: as for `read_archive`.
    """
    return [Film(film.path) for film in read_archive(source).films]


def _names(source: str) -> list[str]:
    try:
        return pixels.names_in(source)
    except (pixels.ArrayError, OSError) as error:
        raise _refuse(source, error) from None


def _array(source: str, name: str) -> NDArray[np.generic]:
    try:
        return pixels.read_array(source, name)
    except (pixels.ArrayError, OSError) as error:
        raise _refuse(source, error) from None


def _refuse(source: str, error: Exception) -> LayoutError | NotAFileError:
    if isinstance(error, NotAFileError):
        return error
    if isinstance(error, OSError):
        return LayoutError(f"{say(source)}: cannot be opened ({error.strerror}); correct its permissions")
    return LayoutError(f"{say(source)}: {error}")


def _images(source: str, split: str) -> NDArray[np.generic]:
    images = _array(source, f"{split}_images")
    grey = images.ndim == 3
    colour = images.ndim == 4 and images.shape[3] in (1, 3)
    if not (grey or colour) or images.dtype.kind not in "uif":
        raise LayoutError(
            f"{say(source)}: '{split}_images' is {images.dtype} of shape {images.shape}; "
            "expected films × height × width, with or without a last axis of 1 or 3 colours"
        )
    return images


def _labels_of_findings(source: str, split: str, number: int, findings: Findings, without: Counter[str]) -> list[str]:
    """The class of each film by its marks; `without` counts those that have none, by the reason."""
    marks = _array(source, f"{split}_labels")
    if marks.shape != (number, len(_FINDINGS)) or not np.isin(marks, (0, 1)).all():
        raise LayoutError(
            f"{say(source)}: '{split}_labels' of shape {marks.shape} are not ChestMNIST's; expected 0 or 1 for each "
            f"of {len(_FINDINGS)} findings of {count(number, 'film')}"
        )
    labels = []
    for row in marks:
        shown = [name for name, mark in zip(_FINDINGS, row, strict=True) if mark] or [_NONE]
        label, why = findings.class_of(shown, (), "leave-out")
        labels.append(label)
        if why:
            without[why] += 1
    return labels


def _labels(source: str, split: str, number: int) -> list[str]:
    labels = _array(source, f"{split}_labels")
    if labels.ndim == 2 and labels.shape[1] > 1:
        raise LayoutError(
            f"{say(source)}: '{split}_labels' has {labels.shape[1]} labels for each film; Hilum needs one"
        )
    if labels.size != number:
        raise LayoutError(f"{say(source)}: {number} films in '{split}_images' but {labels.size} labels")
    if labels.dtype.kind not in "iu":
        raise LayoutError(f"{say(source)}: '{split}_labels' is {labels.dtype}; expected whole class numbers")
    numbers: list[int] = labels.reshape(-1).tolist()
    base = os.path.basename(source).lower()
    known = next((classes for name, classes in _CLASSES.items() if base.startswith(name)), None)
    for row, label in enumerate(numbers):
        if label < 0 or (known is not None and label >= len(known)):
            expected = f"0 to {len(known) - 1}" if known else "0 or more"
            raise LayoutError(f"{say(source)}: '{split}_labels' row {row} is {label}; expected {expected}")
    return [known[label] if known else f"class_{label}" for label in numbers]
