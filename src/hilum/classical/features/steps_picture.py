r"""A film after every step of its preparation, as one picture.

`docs/concepts/classical/steps.png` is of a generated picture, which is not a film of anybody:

    python -c "import PIL.Image, hilum.pixels; phantom = hilum.pixels.chest_phantom(26, (256, 300), 0.6); \
      PIL.Image.fromarray((phantom * 255).astype('uint8')).save('generated phantom.png')"
    hilum preprocess "generated phantom.png" --out docs/concepts/classical/steps.png
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.classical.features.outline import LungOutline
from hilum.classical.features.prepare import Prepared, frame_in
from hilum.lungs.found import box_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_INCHES = 2.9  # a panel's side
_DPI = 120
_LETTERS = 36  # on a line over one panel
_LINE = "#e69f00"  # Okabe and Ito's orange: neither a film's grey nor lost on those who tell no red from green
_MAGNIFIED = 0.16  # of the side, in the corner of a panel: grain and edges are what most steps are about
_WORDS = {
    "": "grey, scaled",
    "denoise": "denoise: non-local means",
    "smooth": "smooth: Gaussian",
    "binarise": "binarise: air beside the body out",
    "frame": "frame: squared up",
    "restore": "restore: Wiener",
    "mask": "mask: the lungs' hull",
}


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    picture: NDArray[np.generic]
    lungs: LungOutline | None = None
    magnified: bool = False


def steps_picture(film: NDArray[np.float32], prepared: Prepared, caption: str = "") -> bytes:
    """Draw the film as it was decoded and after every step; what a step found stands before what it made of it.

    Args:
        film: (height, width) float32, 0 to 1, as `pixels.decode` gives it.
        prepared: what became of its square.
        caption: a line above; never read as a formula. The notes go below.

    Returns:
        A PNG file.
    """
    import matplotlib
    from matplotlib.figure import Figure

    panels = list(_panels(film, prepared))
    columns = 2 if len(panels) == 4 else min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a letter that no font here has is drawn as a box
        matplotlib.rcdefaults()  # the reader's own matplotlibrc must not change the picture
        matplotlib.rcParams["text.parse_math"] = False
        size = (_INCHES * columns, (_INCHES + 0.3) * rows + 0.4)
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        figure.suptitle(fill(caption, _LETTERS * columns), fontsize=11, parse_math=False)
        for axes in (grid := figure.subplots(rows, columns, squeeze=False).ravel()):
            axes.set_axis_off()
        for axes, panel in zip(grid, panels, strict=False):
            _draw(axes, panel)
        if prepared.notes:
            notes = "\n".join(fill(f"Note: {note}", _LETTERS * columns) for note in prepared.notes)
            figure.supxlabel(notes, fontsize=9)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()


def _panels(film: NDArray[np.float32], prepared: Prepared) -> Iterator[_Panel]:
    yield _Panel(f"film, {film.shape[1]:,} × {film.shape[0]:,}", film * np.float32(255))
    before = prepared.stages[0].square
    for number, stage in enumerate(prepared.stages, start=1):
        if stage.step == "binarise" and stage.mask is not None:
            yield _Panel(f"{number}. binarise: dense by Otsu", stage.mask.astype(np.uint8) * 255)
        elif stage.mask is not None and prepared.lungs is not None:
            which = "average lungs" if prepared.lungs.note else "lungs found"
            outline = replace(prepared.lungs, mask=stage.mask, box=box_of(stage.mask))
            yield _Panel(f"{number}. frame: {which}", before, outline)
        words = _WORDS[stage.step] + (f" to {len(stage.square)} × {len(stage.square)}" if not stage.step else "")
        yield _Panel(f"{number}. {words}", stage.square, magnified=True)
        before = stage.square


def _draw(axes: Axes, panel: _Panel) -> None:
    axes.set_title(panel.title, fontsize=9)
    axes.imshow(panel.picture, cmap="gray", vmin=0, vmax=255)
    side = panel.picture.shape[0]
    if panel.lungs is not None:
        axes.contour(panel.lungs.mask.astype(float), [0.5], colors=_LINE, linewidths=1.2)
        corners = frame_in(panel.lungs, side)
        axes.plot(*corners[[0, 1, 2, 3, 0]].T, "--", color=_LINE, linewidth=1)
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        axes.set(xlim=(min(-0.5, left), max(side - 0.5, right)), ylim=(max(side - 0.5, bottom), min(-0.5, top)))
    if panel.magnified:
        part = max(8, round(_MAGNIFIED * side))
        top, left = round(0.45 * side) - part // 2, round(0.32 * side) - part // 2
        inset = axes.inset_axes((0.6, 0.0, 0.4, 0.4))
        inset.imshow(panel.picture[top : top + part, left : left + part], cmap="gray", vmin=0, vmax=255)
        inset.set(xticks=[], yticks=[])
        ends = (left - 0.5, left + part - 0.5), (top - 0.5, top + part - 0.5)
        axes.plot(
            [ends[0][i] for i in (0, 1, 1, 0, 0)], [ends[1][i] for i in (0, 0, 1, 1, 0)], color=_LINE, linewidth=0.8
        )
        for spine in inset.spines.values():
            spine.set_color(_LINE)
