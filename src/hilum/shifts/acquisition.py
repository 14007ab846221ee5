"""Ten acquisition shifts that training never draws, to test a detector when no films from elsewhere are available.

Clean validation films come from the same source as the training films and rank detectors in the wrong order; films as
another machine, operator or archive would have produced them show which is robust. For that the shifts must be new to
the detector: none repeats an operation that the shipped recipes draw, and if another recipe draws one,
`drawn_in_training` names the shifts concerned. The strengths were fixed beforehand, at what an attentive radiographer
would notice and could still read, and are not tuned to any result. The battery's name changes with any of them.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from hilum.shifts.grey import Battery, Grey, as_grey, bytes_of, draws_of, pixels_of


def downsampled(grey: Grey) -> Grey:
    """A thumbnail out of a report or a chat: scaled to 40% of 224 pixels a side (or of its own) and back."""
    height, width = grey.shape
    factor = 0.4 * min(1.0, 1 / pixels_of(grey, 1))
    small_size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(grey, small_size, interpolation=cv2.INTER_AREA)
    return as_grey(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def unsharp_masked(grey: Grey) -> Grey:
    """Edge enhancement as many a workstation adds it: the film plus its difference from a blur of 2 pixels."""
    blurred = cv2.GaussianBlur(grey, (0, 0), max(0.5, pixels_of(grey, 2)))  # a smaller sigma would not blur
    return as_grey(2 * grey - blurred)


def locally_equalised(grey: Grey) -> Grey:
    """A vendor's multi-scale contrast processing, by CLAHE: 8 × 8 tiles, clip limit 3."""
    return as_grey(cv2.createCLAHE(3.0, (8, 8)).apply(bytes_of(grey)) / np.float32(255))


def equalised(grey: Grey) -> Grey:
    """Every grey level made equally common: the crudest automatic window."""
    return as_grey(cv2.equalizeHist(bytes_of(grey)) / np.float32(255))


def posterised(grey: Grey) -> Grey:
    """Eight levels of grey: a screenshot, a fax, a display of few bits."""
    return as_grey(np.minimum(np.floor(grey * 8), 7) / np.float32(7))


def shaded(grey: Grey) -> Grey:
    """The anode's heel: exposure falls along the film, so that grey rises by 0.3 from its foot to its head.

    A film's grey goes with the logarithm of the exposure, so that a factor on the exposure is a sum here.
    """
    ramp = np.linspace(0.15, -0.15, grey.shape[0], dtype=np.float32)
    return as_grey(grey + ramp[:, None])


def moved(grey: Grey) -> Grey:
    """A child who breathes: smeared evenly over 7 pixels head to foot."""
    length = max(3, round(pixels_of(grey, 7)))
    return as_grey(cv2.blur(grey, (1, length), borderType=cv2.BORDER_REPLICATE))


def speckled(grey: Grey) -> Grey:
    """Dust and dead detector elements: 2% of cells of one pixel turn black or white.

    The draw is seeded by the film's content, so that a film is always speckled in the same way.
    """
    height, width = grey.shape
    draws = draws_of(grey)
    # Cells, not pixels: specks of single pixels would average out when a large film is scaled down.
    grain = max(1.0, pixels_of(grey, 1))
    cells = draws.random((math.ceil(height / grain), math.ceil(width / grain)), dtype=np.float32)
    specks = cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
    return as_grey(np.where(specks < 0.01, 0, np.where(specks >= 0.99, 1, grey)))


def sheared(grey: Grey) -> Grey:
    """A cassette under an oblique tube: sheared by 10° about its middle, black beyond its border."""
    height, width = grey.shape
    slope = math.tan(math.radians(10))
    matrix = np.array([[1, slope, -slope * (height - 1) / 2], [0, 1, 0]], dtype=np.float32)
    return as_grey(cv2.warpAffine(grey, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=0))


def collimated(grey: Grey) -> Grey:
    """Shutters closed in: 8% of each side black."""
    result = np.zeros_like(grey)
    rows, columns = (round(0.08 * side) for side in grey.shape)
    inside = np.s_[rows : grey.shape[0] - rows, columns : grey.shape[1] - columns]
    result[inside] = grey[inside]
    return result


ACQUISITION = Battery(
    "shifts-1",
    {
        shift.__name__: shift
        for shift in (
            downsampled, unsharp_masked, locally_equalised, equalised, posterised, shaded, moved, speckled, sheared,
            collimated,
        )
    },
)  # fmt: skip
