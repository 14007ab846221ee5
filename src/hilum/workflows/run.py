"""A run's folder: what it was asked to do, how it went, and the bundle that it ended in."""

from __future__ import annotations

import html
import io
import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.errors import RequestError
from hilum.history import Row, read_history
from hilum.recipe import Recipe, read_recipe
from hilum.records import html_table, text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOSSES, _AUROCS = ("train_loss", "val_loss"), ("val_auroc", "folds_auroc")
_SHOWN = 12  # epochs at a prompt


@dataclass(frozen=True, slots=True, repr=False)
class Run:
    """A training run; at a prompt it shows its last epochs, in a notebook its curve.

    Attributes:
        folder: where it lies.
        recipe: what it was asked to do, with every key written out.
        history: a row for each epoch; of a system without a network, for each strength that was tried. Empty where
            the run consists of several.
        bundle: the folder of the detector, or of the network that finds lungs, that it ended in. None where the
            recipe asks for none (`members.fuse = "none"`), and where the run was stopped before it was written.
        members: the runs of single seeds or folds that it consists of.
    """

    folder: Path
    recipe: Recipe
    history: tuple[Row, ...]
    bundle: Path | None
    members: tuple[Run, ...] = ()

    def plot(self) -> Figure:
        """Draw loss and AUROC by epoch, a line for each member; a matplotlib figure, which a notebook shows.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        return _draw([(run.folder.name, run.history) for run in self.members or (self,)])

    def __repr__(self) -> str:
        lines = [self._title()]
        header, rows = self._table()
        if rows:
            lines.append(text_table(header, rows, right=range(len(header))))
        return "\n".join((*lines, *(repr(run) for run in self.members)))

    def _repr_html_(self) -> str:
        try:
            drawn = _svg(self.plot())
        except ModuleNotFoundError:
            header, rows = self._table()
            drawn = html_table(header, rows, right=range(len(header))) if rows else ""
        return f"<p>{html.escape(self._title())}</p>{drawn}"

    def _title(self) -> str:
        what = f"Run {self.folder}: {self.recipe.name}, {self.recipe.system}"
        if self.bundle:
            return f"{what}; bundle {self.bundle}"
        return f"{what}; no bundle"

    def _table(self) -> tuple[list[str], list[list[str]]]:
        """The last rows of the history."""
        rows = self.history[-_SHOWN:]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        return columns, [[f"{row[name]:.4g}" if name in row else "" for name in columns] for row in rows]


def free_folder(name: str, made: str = "recipe.toml") -> Path:
    """`runs/NAME`, or the first of `runs/NAME-2`, … in which nothing of the name `made` lies."""
    first = Path("runs") / name
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:  # one process may see what another has begun to write
        return first
    names = (first if number == 1 else first.with_name(f"{name}-{number}") for number in count(1))
    return next(folder for folder in names if not (folder / made).exists())


def read_run(folder: str | Path) -> Run:
    """Read a run's folder, whether it has ended or not.

    Raises:
        RequestError: the folder holds no run.
        RecipeError: its recipe is damaged.
    """
    folder = Path(folder)
    if not (folder / "recipe.toml").exists():
        raise RequestError(
            f"{folder}: holds no run (no recipe.toml); name a run's, or start one: hilum train RECIPE --data DIR"
        )
    recipe = read_recipe(folder / "recipe.toml", resolved=True)
    bundle = folder / "bundle"
    members = [each.parent for pattern in ("seed-*", "fold-*") for each in folder.glob(f"{pattern}/recipe.toml")]
    members.sort(key=lambda member: (len(member.name), member.name))
    return Run(
        folder,
        recipe,
        tuple(read_history(folder / "history.csv")),
        bundle if any((bundle / name).exists() for name in ("bundle.json", "lungs.json")) else None,
        tuple(read_run(member) for member in members) if recipe.members.several else (),
    )


def _draw(histories: list[tuple[str, tuple[Row, ...]]]) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    class Curve(Figure):
        """A figure that a notebook shows without `%matplotlib`."""

        def _repr_svg_(self) -> str:
            return _svg(self)

    figure = Curve(figsize=(8, 3), layout="constrained")
    columns = {name for _, history in histories for row in history for name in row}
    panels = [("loss", _LOSSES), ("AUROC", _AUROCS)]
    shown = [(title, [name for name in names if name in columns]) for title, names in panels]
    shown = [(title, names) for title, names in shown if names]
    for place, (title, names) in enumerate(shown, start=1):
        axes = figure.add_subplot(1, len(shown), place)
        for member, history in histories:
            for name in names:
                x, y = _points(history, name)
                axes.plot(x, y, label=name if len(histories) == 1 else f"{name}, {member}", marker=".")
        by_strength = "epoch" not in columns
        axes.set_xlabel("strength" if by_strength else "epoch")
        if by_strength:
            axes.set_xscale("log")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(title)
        axes.legend(fontsize="small")
    return figure


def _points(history: tuple[Row, ...], name: str) -> tuple[list[float], list[float]]:
    rows = [row for row in history if name in row]
    return [row.get("epoch", row.get("strength", 0.0)) for row in rows], [row[name] for row in rows]


def _svg(figure: Any) -> str:
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "hilum"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    drawn = text.getvalue()
    return drawn[drawn.index("<svg") :]
