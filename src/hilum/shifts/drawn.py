"""Which shifts are not new to a detector, by the augmentation that it was trained with."""

from __future__ import annotations

from hilum.recipe import Augment

_WIDE = 1.0  # strength of gamma from which on its curves come as far as a logarithmic one


def drawn_in_training(augment: Augment) -> tuple[str, ...]:
    """The shifts of `shifts-1` and `shifts-2` that are not new to a detector that was trained with this augmentation.

    Matching another film's histogram is practically equalising, and another hospital's histogram is one more of that
    kind; a logarithmic curve is close to a gamma of 0.4; an erased box resembles a name plate.

    >>> drawn_in_training(Augment(sharpen=(0.2, 1.0)))
    ('unsharp_masked',)
    """
    known = {
        "unsharp_masked": augment.sharpen[0] > 0,
        "equalised": augment.match > 0,
        "other_histogram": augment.match > 0,
        "storage_phosphor": augment.gamma >= _WIDE,
        "lettered": augment.erase[0] > 0,
    }
    return tuple(name for name, drawn in known.items() if drawn)
