"""What systems without a network have learnt, as pictures: of many films together, and of no film alone.

A mean template and an eigen-film are sums over thousands of films. A medoid is one patient's film, and is not drawn.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.pages import whole_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float32]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe & Ito
_DPI = 90
_INCHES = 2.0  # a film's side


def mean_templates(pipeline: Any, classes: Sequence[str]) -> bytes:
    """The mean template of each class, and for two classes what the second has more of than the first.

    Args:
        pipeline: of a system that compares with templates, not with medoids alone.
        classes: their names.

    Returns:
        A PNG file.
    """
    matching = pipeline["templates"]
    means = [matching.templates_[matching.class_of_.tolist().index(label)] for label in range(len(classes))]
    films = dict(zip(classes, means, strict=True))
    if len(classes) == 2:
        films[f"{classes[1]} less {classes[0]}"] = means[1] - means[0]
    return _films(films, signed=2 if len(classes) == 2 else len(films), columns=len(films))


def eigen_films(pipeline: Any, direction: NDArray[np.floating] | None = None, number: int = 8) -> bytes:
    """The first axes of a PCA over grey films, and a direction between them as the film that it looks for.

    Args:
        pipeline: one that starts with a PCA of grey films.
        direction: (components,) weights of the axes, such as those by which an LDA parts two classes.
        number: how many axes.

    Returns:
        A PNG file; orange adds, blue takes away, each panel over a range of its own.
    """
    axes = pipeline["pca"].components_
    side = int(np.sqrt(axes.shape[1]))
    shares = pipeline["pca"].explained_variance_ratio_
    films = {
        f"axis {place + 1}: {shares[place]:.0%}": axis.reshape(side, side) for place, axis in enumerate(axes[:number])
    }
    if direction is not None:
        films["parts the classes"] = (direction @ axes).reshape(side, side)
    return _films(films, signed=0, columns=min(len(films), 5))


def films_map(places: Mapping[str, Numbers], names: Sequence[str]) -> bytes:
    """Where films lie in two numbers, coloured by what they show.

    Args:
        places: by the way they were reduced, (n, 2).
        names: (n,) what each film shows.

    Returns:
        A PNG file.
    """
    with _figure((4.4 * len(places), 4.2)) as (figure, file):
        for place, (title, points) in enumerate(places.items()):
            axes = figure.add_subplot(1, len(places), place + 1)
            for colour, name in zip(_COLOURS, dict.fromkeys(sorted(names)), strict=False):
                chosen = np.array([each == name for each in names])
                axes.scatter(
                    points[chosen, 0], points[chosen, 1], s=12, color=colour, alpha=0.75, linewidths=0, label=name
                )
            axes.set(title=title, xticks=[], yticks=[], xlabel="first number", ylabel="second number")
            _bare(axes)
            if place == 0:
                axes.legend(frameon=False, markerscale=1.8, loc="best")
    return file.getvalue()


def fitness(history: Sequence[Mapping[str, float]]) -> bytes:
    """How a population gets fitter, and how many inputs its fittest individual sees.

    Args:
        history: of a genetic network.

    Returns:
        A PNG file.
    """
    rows = [row for row in history if "generation" in row]
    generations = [row["generation"] for row in rows]
    with _figure((7.2, 3.0)) as (figure, file):
        left, right = figure.subplots(1, 2)
        left.plot(generations, [row["fitness_best"] for row in rows], color=_COLOURS[1], label="the fittest")
        left.plot(generations, [row["fitness_mean"] for row in rows], color=_COLOURS[0], label="mean", linestyle="--")
        left.set(xlabel="generation", ylabel="minus the loss on other patients")
        left.legend(frameon=False)
        right.plot(generations, [row["inputs"] for row in rows], color=_COLOURS[1])
        right.set(xlabel="generation", ylabel="inputs that the fittest sees")
        for axes in (left, right):
            _bare(axes)
        whole_numbers(right.yaxis)
    return file.getvalue()


def _films(films: Mapping[str, Numbers], signed: int, columns: int) -> bytes:
    """Small films side by side; those from place `signed` on are differences, with 0 in the middle."""
    rows = -(-len(films) // columns)
    with _figure((_INCHES * columns, (_INCHES + 0.25) * rows)) as (figure, file):
        for place, (title, film) in enumerate(films.items()):
            axes = figure.add_subplot(rows, columns, place + 1)
            if place < signed:
                axes.imshow(film, cmap="gray", interpolation="bilinear")
            else:
                reach = float(np.abs(film).max()) or 1.0
                axes.imshow(film, cmap="PuOr_r", vmin=-reach, vmax=reach, interpolation="bilinear")
            axes.set_title(title, fontsize=10)
            axes.axis("off")
    return file.getvalue()


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


@contextmanager
def _figure(size: tuple[float, float]) -> Iterator[tuple[Figure, io.BytesIO]]:
    """A figure to draw on, and the file that holds it once the block has ended."""
    import matplotlib
    from matplotlib.figure import Figure

    file = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # the reader's own matplotlibrc must not change the picture
        matplotlib.rcParams["text.parse_math"] = False
        figure = Figure(figsize=size, layout="constrained")
        yield figure, file
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
