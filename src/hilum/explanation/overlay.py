"""A heat map over its film, legible on a screen, on paper, and with colour blindness."""

from __future__ import annotations

import io
import warnings

import cv2
import numpy as np
from numpy.typing import NDArray

# Purple to yellow, with even steps of lightness: it is legible without colours, and none of them is a film's grey.
COLOURS = "plasma"
STRENGTH = 0.65  # opacity where the map is strongest
SIDE = 384  # of a drawn film, in pixels


def overlay(film: NDArray[np.uint8], heat: NDArray[np.float32], strongest: float | None = None) -> NDArray[np.uint8]:
    """Draw what speaks for the class over the film: the stronger, the yellower and the less transparent.

    A line surrounds what has at least half of the strength, so that the map is legible on paper. Where the map is 0
    or below, the film is unchanged.

    Args:
        film: (height, width) uint8.
        heat: (h, w) float32, as `attribute` returns it; it is scaled to the film's size.
        strongest: the value that has the full colour; None takes the map's own maximum, so that a weak map looks as
            strong as any other.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    import matplotlib

    height, width = film.shape
    scaled = cv2.resize(np.asarray(heat, dtype=np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    largest = float(scaled.max()) if strongest is None else strongest
    share = np.clip(scaled / largest, 0, 1) if largest > 0 else np.zeros_like(scaled)
    colours = matplotlib.colormaps[COLOURS](share)[..., :3] * 255
    hidden = STRENGTH * np.sqrt(share)[..., None]
    drawn = np.rint((1 - hidden) * film[..., None] + hidden * colours).astype(np.uint8)
    outlines, _ = cv2.findContours((share >= 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, min(height, width) // 256)
    return np.asarray(cv2.drawContours(np.ascontiguousarray(drawn), outlines, -1, (255, 255, 255), thickness))


def side_by_side(
    film: NDArray[np.uint8],
    heat: NDArray[np.float32],
    caption: str,
    legend: str,
    lungs: NDArray[np.bool_] | None = None,
) -> bytes:
    """Draw the film next to its heat map, with a legend and a caption.

    Args:
        film: (size, size) uint8, preprocessed.
        heat: (size, size), as `attribute` gives it.
        caption: the text above both; it is not read as a formula.
        legend: what the colours stand for.
        lungs: (size, size) bool; their outline is drawn as a dashed line.

    Returns:
        A PNG file.
    """
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    size = (SIDE, SIDE)
    large = np.asarray(cv2.resize(film, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that no font has is drawn as a box
        matplotlib.rcdefaults()  # the reader's own matplotlibrc must not change the picture
        matplotlib.rcParams["text.parse_math"] = False
        figure = Figure(figsize=(8.6, 4.2), layout="constrained", facecolor="white")
        figure.suptitle(caption, fontsize=11, parse_math=False)
        left, right = figure.subplots(1, 2)
        left.imshow(large, cmap="gray", vmin=0, vmax=255)
        if lungs is not None and lungs.any():
            smooth = cv2.resize(lungs.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
            left.contour(smooth, [0.5], colors="white", linestyles="dashed", linewidths=0.9)
        right.imshow(overlay(large, heat))
        for axes in (left, right):
            axes.set_axis_off()
        bar = figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=right, fraction=0.046, ticks=[0, 0.5, 1])
        bar.ax.set_yticklabels(["0", "half (line)", "strongest"], fontsize=8)
        bar.set_label(legend, fontsize=8)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
    return file.getvalue()
