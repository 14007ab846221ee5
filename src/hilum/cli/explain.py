"""`hilum explain`: where on a film a detector's answer comes from, and whether that can be believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hilum.cli import app, tell
from hilum.cli.options import BundleFolder, Json, folder_of
from hilum.errors import FilmError, RequestError

_SHOWN = 40
_RANDOMISED = 8  # films whose maps are compared with those of a network that forgets


@app.command()
def explain(
    bundle: BundleFolder,
    paths: Annotated[list[Path], typer.Argument(metavar="FILES|DIR…", help="Films, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", help="Gets index.html, explain.json and a picture a film.")],
    method: Annotated[
        Literal["gradcam", "gradcam++", "integrated-gradients", "occlusion"],
        typer.Option("--method", help="The last two take a second or more a film."),
    ] = "gradcam",
    explained: Annotated[
        str | None,
        typer.Option(
            "--class", help="Explain this class; without it the positive one, or of several the one called."
        ),
    ] = None,
    randomise: Annotated[
        bool,
        typer.Option("--randomise", help=f"Also explain {_RANDOMISED} of the films by a network that forgets."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show on each film what speaks for a class, and measure how far that can be believed."""
    from hilum import bundle as bundles
    from hilum import films
    from hilum.inference import Detector
    from hilum.workflows.train_classical import refuse_system

    opened = bundles.read(folder_of(bundle))
    refuse_system(opened, "a map follows a network's gradients or hides parts of the film from it")
    spec = opened.spec
    chosen = _place_of(explained, spec.classes)
    found = films.find(paths)

    import numpy as np

    from hilum import explanation as why
    from hilum.bundle.weights import load_model
    from hilum.gate import check_films
    from hilum.pixels import read_square
    from hilum.progress import track

    detector, model = Detector(opened.folder), load_model(opened)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[why.Row] = []
    alike: list[np.ndarray] = []  # films of which the same class is explained
    for number, film in enumerate(track(found, "explaining", len(found)), start=1):
        try:
            grey = read_square(film.path, spec.recipe.pixels).levels
        except FilmError as error:
            rows.append(why.Row(film.path, error=error.reason))
            continue
        probs = [float(prob) for prob in detector.probs(grey[None])[0]]
        called = detector.choose(probs, spec.operating_point.threshold)
        target = called if chosen is None else chosen
        one = why.explain(model, detector.probs, grey, method, target)
        name = f"{number:04d}.png"
        flag = str(check_films(detector.gate, [grey]).reasons[0]) if detector.gate else ""
        figures = why.figures_of(one)
        rows.append(
            why.Row(film.path, spec.classes[target], probs[target], spec.classes[called], figures, name, flag)
        )
        why.draw(one, rows[-1], out / name)
        if len(alike) < _RANDOMISED and rows[-1].explained == next(row.explained for row in rows if row.explained):
            alike.append(grey)
            forgetting = target
    forgotten = why.randomise(model, np.stack(alike), method, forgetting) if randomise and alike else ()
    record = why.write_explanations(out, spec.recipe.name, method, rows, forgotten)
    typer.echo(json.dumps(record, indent=1) if as_json else _lay_out(record))
    for note in found.notes:
        tell(f"note: {note}")
    for row in rows:
        if row.flag:
            tell(f"note: {row.path}: {row.flag}; the detector was not made for it")
    failed = [row for row in rows if row.error]
    for row in failed:
        tell(f"hilum: {row.path}: {row.error}")
    tell(f"Research only, not a diagnosis: {spec.recipe.name}, {spec.recipe.system}.")
    tell(f"Next: open {out / 'index.html'}")
    raise typer.Exit(1 if failed else 0)


def _place_of(name: str | None, classes: tuple[str, ...]) -> int | None:
    """The class to explain; None leaves it to what each film is called."""
    if name is None:
        return 1 if len(classes) == 2 else None
    if name not in classes:
        raise RequestError(f"--class: no class '{name}' in this bundle; there are {', '.join(classes)}")
    return classes.index(name)


def _lay_out(record: dict[str, Any]) -> str:
    """A line a film, then the means; chance in parentheses."""
    lines = [f"{'film':<44} {'prob':>6}  {'inside lungs':<13} {'deletion':<13} {'insertion':<13}"]
    films = [film for film in record["films"] if not film["error"]]
    for film in films[:_SHOWN]:
        name = " ".join(film["path"].split())
        lines.append(f"{name if len(name) <= 44 else '…' + name[-43:]:<44} {film['prob']:>6.3f}  {_figures(film)}")
    if len(films) > _SHOWN:
        lines.append(f"… and {len(films) - _SHOWN} more in explain.json")
    if films:
        lines.append(f"{'mean':<52} {_figures(record['summary'])}")
    lines += [
        f"rank correlation with fresh weights from {each['part']} on: {_number(each['correlation'])}"
        for each in record["randomised"]
    ]
    return "\n".join(lines)


def _figures(row: dict[str, Any]) -> str:
    pairs = [(row["lungs"]["inside"], row["lungs"]["chance"])]
    pairs += [(row[name]["area"], row[name]["chance"]) for name in ("deletion", "insertion")]
    return " ".join(f"{f'{_number(value)} ({_number(chance)})':<13}" for value, chance in pairs).rstrip()


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
