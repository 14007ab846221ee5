"""Ten shifts that no augmentation draws: the curves, grids, letters, hands and collimators of other hospitals.

A recipe that learns to withstand one battery may have been chosen for it. This one was fixed beforehand and holds
what another hospital's films show and no recipe draws: other tone curves, anti-scatter grids, lead letters and name
plates, arms and hands, a child that is turned, diagonal motion, electrodes, round collimators. Strengths are what an
attentive radiographer would notice and could still read, judged by eye on films, and are not tuned to any figure.

What is drawn (place, size, side) depends on the film's content alone, so that a film is always changed in the same
way. Lengths are given for a film of 224 × 224 and scale with the film.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from hilum.shifts.grey import Battery, Grey, as_grey, bytes_of, draws_of, pixels_of
from hilum.shifts.overlay import Overlay

# The grey at each sixteenth of the pixels, from the darkest to the brightest: the mean over 232 normal films of
# patients under 18 of the NIH Clinical Center, read for the RSNA Pneumonia Detection Challenge (Shih et al.,
# Radiology: Artificial Intelligence 1, 2019). Printed by `python -m benchmarks.hospital_histogram`.
OTHER_HOSPITAL = (
    0.000, 0.042, 0.096, 0.151, 0.210, 0.266, 0.318, 0.370, 0.427, 0.484, 0.535, 0.588, 0.641, 0.697, 0.755, 0.810,
    0.977,
)  # fmt: skip


def film_screen(grey: Grey) -> Grey:
    """A film in a cassette: its characteristic curve is an S, steep in the middle and flat at both ends.

    Grey goes with the logarithm of the exposure and is taken to span two decades; the density of the film is a
    logistic function of it, with an average gradient of 3 in units of the largest density (Dainty & Shaw, Image
    Science, 1974, section 2).
    """
    steepness = 3.0 * math.log(10)
    low, high = (1 / (1 + math.exp(-steepness * (end - 0.5))) for end in (0, 1))
    density = 1 / (1 + np.exp(-steepness * (grey - np.float32(0.5))))
    return as_grey((density - low) / (high - low))


def storage_phosphor(grey: Grey) -> Grey:
    """A storage phosphor that was read out with a logarithmic curve: dark parts lifted, bright ones pressed."""
    return as_grey(np.log1p(10 * grey) / np.float32(math.log(11)))


def other_histogram(grey: Grey) -> Grey:
    """Another hospital's grey levels: as many pixels of each as its children's films have on average."""
    counts = np.bincount(bytes_of(grey).ravel(), minlength=256)
    below = (np.cumsum(counts) - counts / 2) / grey.size  # of a level's pixels, half count as darker
    levels = np.interp(below, np.linspace(0, 1, len(OTHER_HOSPITAL)), OTHER_HOSPITAL)
    return as_grey(np.interp(grey, np.arange(256) / 255, levels))


def gridded(grey: Grey) -> Grey:
    """An anti-scatter grid that stands still: upright lines of 5 pixels, and their moiré of 45 pixels across."""
    # From the middles of the pixels, so that a grid lies alike on small and large films.
    down, across = ((np.arange(side, dtype=np.float32) + np.float32(0.5)) / pixels_of(grey, 1) for side in grey.shape)
    lines = np.sin(across * np.float32(2 * math.pi / 5))
    tilted = across + np.float32(0.15) * down[:, None]  # a grid is never quite parallel to the detector's columns
    moire = np.sin(tilted * np.float32(2 * math.pi / 45))
    return as_grey(grey + np.float32(0.04) * lines + np.float32(0.035) * moire)


def lettered(grey: Grey) -> Grey:
    """A lead letter for the side and a name plate: bright, each in a corner, of 13 to 22 pixels."""
    draws = draws_of(grey)
    overlay = Overlay(grey)
    left = draws.random() < 0.5
    top = draws.random() < 0.7
    size = draws.uniform(13, 22)
    overlay.letter("L" if left else "R", draws.uniform(0.03, 0.1), draws.uniform(0.04, 0.16), size, left, top)
    plate_width, plate_height = draws.uniform(38, 60), draws.uniform(13, 20)
    overlay.plate(draws.uniform(0.01, 0.05), draws.uniform(0.01, 0.05), plate_width, plate_height, not left, not top)
    return overlay.covering(0.95)


def limbs(grey: Grey) -> Grey:
    """An arm from one side beside the chest, and the fingers of a holding hand over the lower border."""
    draws = draws_of(grey)
    overlay = Overlay(grey)
    left = draws.random() < 0.5
    reach, shoulder, elbow = draws.uniform(0.1, 0.18), draws.uniform(0.25, 0.45), draws.uniform(0.9, 1.15)
    ends = [(-0.04, elbow), (reach, shoulder)]
    overlay.limb([(x if left else 1 - x, y) for x, y in ends], 34, 9)
    middle, lean, size = draws.uniform(0.25, 0.75), draws.uniform(-0.06, 0.06), draws.uniform(0.9, 1.15)
    for finger, length in enumerate((0.17, 0.23, 0.22, 0.16)):
        foot = middle + (finger - 1.5) * 0.085 * size
        tip = foot + (finger - 1.5) * 0.012 + lean, 1.04 - length * size
        joints = [(foot + (tip[0] - foot) * part, 1.04 + (tip[1] - 1.04) * part) for part in (0, 0.45, 0.5, 0.97)]
        overlay.limb([(foot, 1.04), tip], 16 * size, 0)
        overlay.limb(joints[:2], 0, 6 * size)
        overlay.limb(joints[2:], 0, 5 * size)
    return overlay.added()


def turned(grey: Grey) -> Grey:
    """A child that is turned about its long axis: one half of the chest wider and darker than the other."""
    side = 1.0 if draws_of(grey).random() < 0.5 else -1.0
    height, width = grey.shape
    place = np.linspace(-1, 1, width, dtype=np.float32)
    # The border stays where it is, and the scale across runs from 0.5 to 1.5.
    source = (place + np.float32(0.25 * side) * (1 - np.square(place)) + 1) / 2 * (width - 1)
    columns = np.broadcast_to(source, (height, width))
    rows = np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width))
    moved = cv2.remap(grey, np.ascontiguousarray(columns), np.ascontiguousarray(rows), cv2.INTER_LINEAR)
    return as_grey(moved + np.float32(0.06 * side) * place)


def shaken(grey: Grey) -> Grey:
    """A child that turns away during the exposure: smeared evenly over 7 pixels along a diagonal."""
    length = max(3, round(pixels_of(grey, 7) / math.sqrt(2)))
    kernel = np.eye(length, dtype=np.float32) / length
    if draws_of(grey).random() < 0.5:
        kernel = kernel[:, ::-1]
    return as_grey(cv2.filter2D(grey, -1, kernel, borderType=cv2.BORDER_REPLICATE))


def wired(grey: Grey) -> Grey:
    """Three electrodes with their wires over the chest, and a tube down its middle."""
    draws = draws_of(grey)
    overlay = Overlay(grey)
    for x, y in ((0.25, 0.28), (0.75, 0.28), (0.7, 0.72)):
        place = x + draws.uniform(-0.08, 0.08), y + draws.uniform(-0.08, 0.08)
        leaves = draws.uniform(0.1, 0.9), 1.05
        overlay.curve(place, (place[0] + draws.uniform(-0.25, 0.25), 0.8), leaves, 1.3)
        overlay.disc(place, draws.uniform(4.5, 6))
    overlay.curve((0.5 + draws.uniform(-0.06, 0.06), -0.05), (0.5, 0.2), (0.5 + draws.uniform(-0.04, 0.04), 0.55), 2)
    return overlay.covering(0.6)


def round_collimator(grey: Grey) -> Grey:
    """A round beam: the corners cut off by a circle 1.1 times as wide as the film, with a penumbra of 6 pixels."""
    height, width = grey.shape
    side = math.sqrt(height * width)
    down = (np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2) * (side / height)
    across = (np.arange(width, dtype=np.float32) - (width - 1) / 2) * (side / width)
    beyond = np.sqrt(np.square(down) + np.square(across)) - 0.55 * side
    return as_grey(grey * np.clip(0.5 - beyond / pixels_of(grey, 6), 0, 1))


ELSEWHERE = Battery(
    "shifts-2",
    {
        shift.__name__: shift
        for shift in (
            film_screen, storage_phosphor, other_histogram, gridded, lettered, limbs, turned, shaken, wired,
            round_collimator,
        )
    },
)  # fmt: skip
