"""`hilum evaluate`: predictions on labelled films, as numbers with intervals and as a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli import app, tell
from hilum.cli.options import BundleFolder, Data, Engine, Json, Precision

if TYPE_CHECKING:
    pass

_SHOWN = ("auroc", "accuracy", "sensitivity", "specificity", "precision", "f1", "brier", "log_loss", "ece")


@app.command()
def evaluate(
    bundle: BundleFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets metrics.json, predictions.csv and report.html.")],
    split: Annotated[str, typer.Option("--split", help="train, val, test, or all.")] = "test",
    shifts: Annotated[
        bool, typer.Option("--shifts/--no-shifts", help="Also measure under acquisition shifts.")
    ] = False,
    curves: Annotated[
        bool, typer.Option("--curves/--no-curves", help="Also under more and more of each, in twice the time.")
    ] = False,
    prevalence: Annotated[
        float | None, typer.Option(min=0.001, max=0.999, help="Also what a call is worth where so many are positive.")
    ] = None,
    heat_maps: Annotated[
        bool, typer.Option("--heat-maps/--no-heat-maps", help="Also what speaks for it, on the worst errors (torch).")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Show the worst errors, or only name them.")
    ] = True,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Also what is wrong with all films of --data, as hilum audit.")
    ] = False,
    checklists: Annotated[
        bool, typer.Option("--checklists/--no-checklists", help="Also drafts of CLAIM 2024 and TRIPOD+AI.")
    ] = False,
    engine: Engine = "onnx",
    precision: Precision = "float32",
    as_json: Json = False,
) -> None:
    """Measure a bundle on labelled films, with 95% intervals over patients, and write a report."""
    from hilum.workflows.evaluate import measure

    metrics, predictions = measure(
        bundle,
        data,
        split,
        out,
        shifts=shifts,
        curves=curves,
        prevalence=prevalence,
        audited=audit,
        drafts=checklists,
        heat_maps=heat_maps,
        pictures=pictures,
        computed=(engine, precision),
    )
    typer.echo(json.dumps(metrics, indent=1) if as_json else lay_out(metrics))
    for row in predictions.failed:
        tell(f"hilum: {row.film.path}: {row.error}")
    tell(f"Next: open {out / 'report.html'}")
    raise typer.Exit(1 if predictions.failed else 0)


def lay_out(metrics: dict[str, Any]) -> str:
    """The figures of `metrics.json` for a terminal."""
    lines = [f"{metrics['n']} films of {metrics['patients']} known patients, split {metrics['split']}"]
    lines += [_line(name, metrics[name]) for name in _SHOWN]
    if "per_class" in metrics:
        lines.append("(auroc, sensitivity, specificity, precision and f1 are means over the classes)")
        lines += _table("one class against the rest", metrics["per_class"])
        lines += _table("two classes at a time", metrics["pairs"])
    for key in ("shifted", "familiar"):
        battery = metrics.get(key)
        if isinstance(battery, dict):
            lines.append(
                f"-- under the shifts of {battery['battery']}, on average; worst: {battery['auroc_worst']['shift']}"
            )
            lines += [_line(name, battery[f"{name}_mean"]) for name in ("auroc", "sensitivity", "specificity")]
            lines.append(_line("auroc, worst", battery["auroc_worst"]))
    if there := metrics.get("at_prevalence"):
        lines.append(f"-- right calls, where {there['prevalence']:.1%} of films are {metrics['classes'][-1]}")
        lines += [_line(f"{which} calls", there[f"{which}_predictive_value"]) for which in ("positive", "negative")]
    if metrics["notes"]:
        lines += ["-- keep in mind", *(f"   {note}" for note in metrics["notes"])]
    return "\n".join(lines)


def _line(name: str, figure: Any) -> str:
    if figure["value"] is None:
        return f"{name:<16}not defined"
    if figure["low"] is None:
        return f"{name:<16}{figure['value']:.4f}"
    return f"{name:<16}{figure['value']:.4f}  ({figure['low']:.4f} to {figure['high']:.4f})"


def _table(title: str, groups: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each class or pair, without intervals: those are in the report."""
    kinds = list(next(iter(groups.values())))
    width = max(len(name) for name in groups)
    lines = [f"-- {title}", " ".join((" " * width, *(f"{kind:>11}" for kind in kinds)))]
    for name, group in groups.items():
        cells = ("–" if figure["value"] is None else f"{figure['value']:.4f}" for figure in list(group.values())[:-1])
        lines.append(" ".join((f"{name:<{width}}", *(f"{cell:>11}" for cell in cells), f"{group['n']:>11}")))
    return lines
