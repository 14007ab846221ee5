"""The house's table: what each room of `src/hilum` does, and which others it may import.

`tests/test_house.py` checks every import against it; `python -m tests.house` writes it into CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Room(NamedTuple):
    """A package or a module directly below `hilum`.

    Attributes:
        does: what it is for.
        imports: the rooms that it may import besides itself and the shared ones.
    """

    does: str
    imports: frozenset[str] = frozenset()


def room(does: str, imports: str = "") -> Room:
    return Room(does, frozenset(imports.split()))


# What every room may import; among themselves, they import those that are named here.
SHARED = {
    "errors": room("every refusal, as one line"),
    "extras": room("which installed packages a verb needs", "errors"),
    "progress": room("progress bars"),
    "places": room("the cache folder; what libraries may neither send nor write elsewhere", "errors machine"),
    "streams": room("outputs that are no files: standard output, pipes, devices", "errors"),
    "files": room("files that are files, that appear whole or not at all", "errors streams"),
    "downloads": room("files from the network, by the hash that was published", "progress"),
    "locks": room("one process at a time: folders in turn, outputs with one writer", "errors files progress streams"),
    "machine": room("processors and memory of this machine", "errors"),
    "measurements": room("what is measured on this machine once", "files"),
    "workers": room("an ordered pool of threads", "machine"),
    "onnx_session": room("a network in ONNX Runtime, in the calling thread"),
    "rows": room("rows of numbers on disk, checked when read", "errors files locks progress streams workers"),
    "history": room("a run's figures, one row an epoch", "errors files"),
    "records": room("films, manifests, predictions, figures with intervals", "errors files"),
    "recipe": room("what a run is asked to do, as typed structs", "errors files records"),
    "pages": room("the frame and the drawings of every HTML page", "records"),
}
ROOMS = {
    "lungs": room("where the lungs are in a film, by a small network"),
    "pixels": room("decode and preprocess films; the pixel cache", "lungs"),
    "films": room("find films; read classes, patients and splits; cut validation", "pixels"),
    "metrics": room("figures with intervals, paired tests"),
    "confidence": room("calibration, prediction sets, shift of priors", "metrics"),
    "gate": room("which films a detector was made for"),
    "shifts": room("films as other machines would have made them", "lungs pixels"),
    "auditing": room("what is wrong with a set of films", "films lungs metrics pixels"),
    "models": room("the networks, in a registry"),
    "weights": room("first weights: found, read, matched", "models"),
    "batches": room("draw, augment, stack", "films gate lungs pixels"),
    "features": room("what frozen stages give, computed once", "batches models pixels"),
    "bundle": room(
        "everything that a prediction needs, in one sealed folder", "confidence gate metrics lungs pixels"
    ),
    "training": room("loss, schedule, loop, operating point", "batches bundle metrics models shifts"),
    "adaptation": room(
        "what of a detector is fitted to another hospital's films, and whether that is better",
        "batches bundle confidence gate metrics models training",
    ),
    "classical": room("the systems without a network", "bundle confidence films gate lungs pixels"),
    "inference": room("bundle + films → probabilities", "bundle classical confidence films gate lungs pixels"),
    "evaluation": room(
        "predictions → figures, robustness, report", "bundle confidence gate inference lungs metrics pixels shifts"
    ),
    "comparison": room("detectors side by side, with paired tests", "evaluation metrics"),
    "monitoring": room("a detector in use, over time: statistics of its answers", "confidence metrics"),
    "explanation": room("where on a film an answer comes from", "lungs pixels"),
    "tuning": room("a recipe's best values, searched for"),
    "answering": room(
        "films as they come: read in processes, predicted in batches", "bundle inference lungs pixels renderings"
    ),
    "service": room(
        "films over HTTP and on a web page", "answering bundle inference lungs monitoring pixels renderings store"
    ),
    "pacs": room(
        "films from a hospital's network, and reports back into it",
        "answering bundle inference lungs pixels renderings store",
    ),
    "store": room("predictions, verdicts and the audit log, in a database", "pixels"),
    "renderings": room("films and heat maps as pictures for a screen", "pixels"),
}
# Whoever puts rooms together: workflows, which the command line, notebooks and benchmarks call.
ABOVE = {
    "workflows": room("from end to end: train, evaluate, compare, calibrate, explain, …", " ".join(ROOMS)),
    "cli": room("one verb a file: parse, call, print", "workflows " + " ".join(ROOMS)),
}
HOUSE = {**SHARED, **ROOMS, **ABOVE}

# The half of `bundle` that needs torch, and so may know the models. Inference stays away from it.
TORCH_HALF = {"lung_network", "network_payload", "weights", "onnx_export", "quantise", "class_maps"}
WITH_TORCH = {"batches", "explanation", "features", "models", "training", "weights"}

TABLE = re.compile(
    r"(<!-- the house, written by `python -m tests.house` -->\n).*?(<!-- the house ends -->)", re.DOTALL
)


def table() -> Iterator[str]:
    """The table's lines in Markdown."""
    yield "| room | what it does | may import |"
    yield "|---|---|---|"
    for name, (does, imports) in SHARED.items():
        yield f"| `{name}` (shared) | {does} | {listed(imports)} |"
    for name, (does, imports) in ROOMS.items():
        torch = " (`models` in its torch half)" if name == "bundle" else ""
        yield f"| `{name}` | {does} | {listed(imports)}{torch} |"
    yield f"| `workflows` | {ABOVE['workflows'].does} | every room |"
    yield f"| `cli` | {ABOVE['cli'].does} | `workflows` and every room, inside the verb's function |"


def listed(names: frozenset[str]) -> str:
    return " ".join(f"`{name}`" for name in sorted(names)) or "–"


def with_table(page: str) -> str:
    """CONTRIBUTING.md with today's table between its two marks."""
    lines = "\n".join(table())
    return TABLE.sub(lambda marks: f"{marks[1]}\n{lines}\n\n{marks[2]}", page)


if __name__ == "__main__":
    contributing = ROOT / "CONTRIBUTING.md"
    contributing.write_text(with_table(contributing.read_text("utf-8")), "utf-8")
