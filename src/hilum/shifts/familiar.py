"""Ten shifts of the kinds that strong augmentation draws: how a detector performs that was trained without them.

`shifts-1` tests what training cannot have covered. This battery tests what it can: exposure, focus, noise, position
and compression as they differ between two hospitals. It separates a detector that was trained without augmentation
from one that was trained with it; between two of the latter it says little. Strengths were fixed beforehand and are
not tuned to any result; lengths are given for a film of 224 × 224 and scale with the film.
"""

from __future__ import annotations

from hilum.shifts import graded
from hilum.shifts.grey import Battery, Grey, as_grey


def brightened(grey: Grey) -> Grey:
    """Exposed less: a gamma of 0.5."""
    return graded.gamma(grey, 0.5)


def darkened(grey: Grey) -> Grey:
    """Exposed more: a gamma of 2."""
    return graded.gamma(grey, 2)


def flattened(grey: Grey) -> Grey:
    """Half the contrast about the middle of the range."""
    return as_grey((grey - 0.5) * 0.5 + 0.5)


def hardened(grey: Grey) -> Grey:
    """1.8 times the contrast about the middle of the range, the ends cut off."""
    return as_grey((grey - 0.5) * 1.8 + 0.5)


def blurred(grey: Grey) -> Grey:
    """Out of focus: a Gaussian blur of 2.5 pixels."""
    return graded.blur(grey, 2.5)


def noisy(grey: Grey) -> Grey:
    """Too low a dose: Gaussian noise of 0.12, as coarse as the pixels of a film of 224 × 224."""
    return graded.noise(grey, 0.12)


def rotated(grey: Grey) -> Grey:
    """The patient lies askew: 15°, black corners."""
    return graded.rotation(grey, 15)


def zoomed_out(grey: Grey) -> Grey:
    """A larger cassette: the chest at 80%, black around it."""
    return graded.rotate_and_zoom(grey, 0, 0.8)


def zoomed_in(grey: Grey) -> Grey:
    """A smaller cassette: the chest at 120%, its borders cut off."""
    return graded.rotate_and_zoom(grey, 0, 1.2)


def compressed(grey: Grey) -> Grey:
    """An archive that saves space: JPEG of quality 10."""
    return graded.jpeg(grey, 10)


FAMILIAR = Battery(
    "familiar-1",
    {
        shift.__name__: shift
        for shift in (
            brightened, darkened, flattened, hardened, blurred, noisy, rotated, zoomed_out, zoomed_in, compressed,
        )
    },
)  # fmt: skip
