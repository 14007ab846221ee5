"""`hilum compare`: detectors side by side on the same films, with paired tests, and what each one costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli import app, tell
from hilum.cli.options import Json
from hilum.errors import RequestError

if TYPE_CHECKING:
    pass


@app.command()
def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN_OR_EVAL…", help="Runs, or what hilum evaluate --out wrote.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Gets comparison.json and comparison.html.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="What runs are evaluated on; without it, each on its own manifest.")
    ] = None,
    split: Annotated[str, typer.Option("--split", help="Of --data: train, val, test, or all.")] = "val",
    timing: Annotated[
        bool, typer.Option("--timing/--no-timing", help="Measure films a second, where the bundle is at hand.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Put detectors side by side on the same films: DeLong, McNemar, paired bootstrap, Holm-corrected, with costs."""
    from hilum import comparison
    from hilum.files import write_text
    from hilum.workflows.compare import _evaluate, _names, _timed

    if len(folders) < 2:
        raise RequestError("one detector is nothing to compare; name two runs or evaluations, or more")
    names = _names(folders)
    entries, bundles = [], {}
    for folder, name in zip(folders, names, strict=True):
        if (folder / "bundle" / "bundle.json").exists() and not (folder / "metrics.json").exists():
            evaluated = out / name
            _evaluate(folder, data, split, evaluated)
            bundles[name] = folder / "bundle"
        else:
            evaluated = folder
            bundles[name] = folder.parent / "bundle"
        entries.append(comparison.read_entry(evaluated, name))
    if timing:
        entries = _timed(entries, bundles)
    compared = comparison.compare(entries)
    write_text(out / "comparison.json", json.dumps(compared, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(out / "comparison.html", comparison.render_comparison(compared, entries))
    typer.echo(json.dumps(compared, indent=1) if as_json else _lay_out(compared))
    tell(f"Next: open {out / 'comparison.html'}")


def _lay_out(compared: dict[str, Any]) -> str:
    """The figures and the tests of AUROC and accuracy for a terminal; the rest is on the page."""
    width = max(len(entry["name"]) for entry in compared["entries"])
    lines = [f"{compared['n']} films of {compared['patients']} known patients"]
    for entry in compared["entries"]:
        auroc, accuracy = entry["figures"]["auroc"], entry["figures"]["accuracy"]
        lines.append(f"{entry['name']:<{width}}  AUROC {_shown(auroc)}  accuracy {_shown(accuracy)}")
    for pair in compared["pairs"]:
        for kind in ("auroc", "accuracy"):
            test = pair["tests"][kind]
            p = "" if test["p_holm"] is None else f", p {test['p_holm']:.3f} corrected"
            lines.append(
                f"{pair['first']} less {pair['second']}, {kind}: {_shown(test['difference'])}{p}: {test['says']}"
            )
    return "\n".join((*lines, *(f"note: {note}" for note in compared["notes"])))


def _shown(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "not defined"
    if figure["low"] is None:
        return f"{figure['value']:.4f}"
    return f"{figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f})"
