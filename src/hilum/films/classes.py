"""The classes that a detector tells apart."""

from __future__ import annotations

import numpy as np

from hilum.errors import LayoutError, RequestError
from hilum.films.class_names import is_negative
from hilum.films.wording import listed
from hilum.records import Manifest


def choose_classes(manifest: Manifest, asked_for: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The classes in order: those asked for, or those of the films with the negative one first.

    The last of two classes is the finding, so one of the two has to have a name such as NORMAL.

    Raises:
        RequestError: fewer than two classes, or it is not clear which of two is the finding.
        LayoutError: a class has no film to train on, or none to validate on.
    """
    labels = manifest.labels
    classes = asked_for or _in_order(labels)
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise RequestError(
            f"a detector tells two or more classes apart, and here {'are' if asked_for else 'the films have'} "
            f"{listed(classes) or 'none'}; name each once, the finding last: classes = ['NORMAL', 'PNEUMONIA']"
        )
    for split in ("train", "val"):
        missing = [name for name in classes if name not in manifest.split(split).labels]
        if missing:
            raise LayoutError(
                f"no {split} film is labelled {listed(missing)}; every class needs films in train and in val "
                f"(these films have: {listed(labels, 8)})"
            )
    return classes


def labels_of(manifest: Manifest, classes: tuple[str, ...]) -> np.ndarray:
    """The index of each film's class: (n,) int64.

    Raises:
        LayoutError: a film's label is not one of the classes.
    """
    unknown = sorted({film.label or "(none)" for film in manifest} - set(classes))
    if unknown:
        raise LayoutError(
            f"{manifest.films[0].split or 'these'} films carry labels that are not among the classes "
            f"{', '.join(classes)}: {', '.join(unknown)}"
        )
    index = {name: number for number, name in enumerate(classes)}
    return np.array([index[film.label] for film in manifest], dtype=np.int64)


def _in_order(labels: tuple[str, ...]) -> tuple[str, ...]:
    negative = tuple(label for label in labels if is_negative(label))
    if len(labels) == 2 and len(negative) != 1:
        raise RequestError(
            f"which of {labels[0]} and {labels[1]} is the finding? Name the classes, the finding last: "
            f'--set \'classes=["{labels[0]}", "{labels[1]}"]\''
        )
    return negative + tuple(label for label in labels if label not in negative)
