"""Giving a network the weights of a file, matched by name and shape."""

from __future__ import annotations

from dataclasses import replace

from hilum import models
from hilum.errors import RecipeError
from hilum.recipe import Model, Weights
from hilum.weights.locate import locate
from hilum.weights.match import give, head_prefix, match, other_normalisation
from hilum.weights.read import WeightsFile, read
from hilum.weights.report import Report, some


def load(network: models.Network, spec: Weights, model: Model) -> Report:
    """Give a network its first weights; it stays as it was where an error is raised.

    A first convolution of three channels is folded for a network of one by adding up the three kernels. That is
    exact: behind every normalisation that a network of one channel may have, three would hold the same picture.

    Args:
        network: as `models.build` made it.
        spec: the recipe's `[weights]`.
        model: the recipe's `[model]`, by which the network was built.

    Returns:
        What was taken and what was not.

    Raises:
        RequestError: there is no such file, it is damaged, or its values are no numbers.
        RecipeError: it is of another architecture, expects another normalisation, or its weights have other names or
            shapes (these only where `spec.mismatch` is "error"), or none of them fits.
    """
    file = read(locate(spec.source, spec.sha256))
    notes = [note for note in (_other_architecture(file, model), other_normalisation(file, model)) if note]
    if notes and spec.mismatch == "error":
        raise RecipeError(f"{file.path}: {notes[0]}; or set weights.mismatch=skip to take what fits")
    ours, theirs = network.body.state_dict(), file.tensors
    head = head_prefix(network)
    kept = tuple(name for name in ours if spec.part == "trunk" and name.startswith(head))
    unused = tuple(name for name in theirs if spec.part == "trunk" and name.startswith(head))
    report, taken = match(
        file,
        offered={name: tensor for name, tensor in theirs.items() if name not in unused},
        wanted={name: tensor for name, tensor in ours.items() if name not in kept},
    )
    if not taken:
        raise RecipeError(
            f"{file.path}: not one of its weights ({some(tuple(theirs))}) goes into {model.name}; take another file, "
            "or another model.name"
        )
    if report.discrepancies() and spec.mismatch == "error":
        raise RecipeError(_refusal(report, model, head))
    give(network, taken, file)
    return replace(report, kept=kept, unused=unused, notes=tuple(notes))


def _other_architecture(file: WeightsFile, model: Model) -> str:
    if file.architecture in ("", model.name):
        return ""
    return f"weights of {file.architecture}, and the network is {model.name}; set model.name={file.architecture}"


def _refusal(report: Report, model: Model, head: str) -> str:
    """What does not fit, and the ways out."""
    wrong = (*report.missing, *report.left_over, *(each.name for each in report.reshaped))
    in_head = all(name.startswith(head) for name in wrong)
    way = "weights.part=trunk to draw the head anew" if in_head else "the model.name whose weights these are"
    return (
        f"{report.source}: does not fit {model.name}: {report.discrepancies()}; set {way}, or weights.mismatch=skip "
        "to take what fits"
    )
