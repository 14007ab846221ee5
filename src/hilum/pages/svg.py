"""Figures inside a page's HTML: matplotlib's SVG, with colours and fonts from the page's style sheet."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

# Placeholders that matplotlib writes and `_inline` replaces by the page's variables, so that one figure serves light,
# dark and paper. No two may be equal, and none may be a colour that matplotlib uses itself.
INK = "#0a0b01"
MUTED = "#0a0b02"
RULE = "#0a0b03"
FIRST = "#0a0b04"
SECOND = "#0a0b05"
_VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", FIRST: "--first", SECOND: "--second"}

_STYLE: dict[Any, Any] = {  # matplotlib types every key by name
    "svg.fonttype": "none",  # letters stay letters: they scale, copy and follow the reader's font
    "text.parse_math": False,  # a class may be called "a$b$"
    "font.size": 10.0,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.6,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "text.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}


@dataclass(slots=True)
class Sheet:
    """A figure while it is drawn; `markup` holds the SVG once the block has ended."""

    axes: Axes
    markup: Markup = field(default_factory=Markup)


@contextmanager
def sheet(name: str, description: str, size: tuple[float, float] = (4.6, 3.7)) -> Iterator[Sheet]:
    """Open axes to draw on; matplotlib's global state is restored afterwards.

    Args:
        name: unique on the page; it keeps the figures' internal references apart.
        description: the text for a reader who cannot see the figure.
        size: width and height, in inches of 72 points.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # the reader's own matplotlibrc must not change the page
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=size, layout="constrained")
        opened = Sheet(figure.add_subplot())
        yield opened
        file = io.StringIO()
        with warnings.catch_warnings():
            # The reader's font draws the letters: what the one here lacks is no concern of theirs.
            warnings.filterwarnings("ignore", "Glyph")
            figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        opened.markup = _inline(file.getvalue(), name, description, size)


def whole_numbers(axis: Axis) -> None:
    """Put ticks at integers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", integer=True))


def _inline(svg: str, name: str, description: str, size: tuple[float, float]) -> Markup:
    """Reduce an SVG document to an element that fits inside a page."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    # A style element would rule the whole page, and metadata name addresses of the network.
    body = re.sub(r"<(metadata|style).*?</\1>", "", body, flags=re.DOTALL).replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", body)
    body = re.sub(r"font-family: [^;\"]+;? ?", "", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    width, height = (72 * side for side in size)
    return (
        Markup('<svg role="img" aria-label="{}" class="{}" viewBox="0 0 {:g} {:g}">').format(
            description, name, width, height
        )
        + Markup(body)  # matplotlib has escaped every text in it
    )
