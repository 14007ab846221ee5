"""Loading the weights of a file into a network, matched by name and shape."""

from __future__ import annotations

from dataclasses import replace

from hilum import models
from hilum.errors import RecipeError
from hilum.recipe import Model, Weights
from hilum.weights.locate import locate
from hilum.weights.match import head_prefix, load_tensors, match, other_normalisation
from hilum.weights.names import below_trunk
from hilum.weights.read import WeightsFile, read
from hilum.weights.report import Report, some


def load(network: models.Network, spec: Weights, model: Model) -> Report:
    """Load a network's initial weights; after an error it is unchanged.

    The first convolution of a file with three input channels is folded for a network with one by adding up the three
    kernels. That is exact: with every normalisation that a network of one channel may have, all three are the same.

    Args:
        network: as `models.build` made it.
        spec: the recipe's `[weights]`.
        model: the recipe's `[model]`, by which the network was built.

    Returns:
        A report of what was loaded and what was not.

    Raises:
        RequestError: there is no such file, it is damaged, or values are NaN or infinite.
        RecipeError: it is of another architecture, expects another normalisation, or its weights have other names or
            shapes (these only where `spec.mismatch` is "error"), or none of them fits.
    """
    file = read(locate(spec.source, spec.sha256))
    notes = [note for note in (_other_architecture(file, model), other_normalisation(file, model)) if note]
    if notes and spec.mismatch == "error":
        raise RecipeError(f"{file.path}: {notes[0]}; or set weights.mismatch=skip to load what fits")
    ours = network.body.state_dict()
    theirs = below_trunk(file.tensors, ours)
    head = head_prefix(network)
    kept = tuple(name for name in ours if spec.part == "trunk" and name.startswith(head))
    unused = tuple(name for name in theirs if spec.part == "trunk" and name.startswith(head))
    report, taken = match(
        file,
        available={name: tensor for name, tensor in theirs.items() if name not in unused},
        needed={name: tensor for name, tensor in ours.items() if name not in kept},
    )
    if not taken:
        raise RecipeError(
            f"{file.path}: none of its weights ({some(tuple(theirs))}) fits {model.name}; name another file, "
            "or another model.name"
        )
    if report.discrepancies() and spec.mismatch == "error":
        raise RecipeError(_refusal(report, model, head))
    load_tensors(network, taken, file)
    return replace(report, kept=kept, unused=unused, notes=tuple(notes))


def _other_architecture(file: WeightsFile, model: Model) -> str:
    if file.architecture in ("", model.name):
        return ""
    return f"weights of {file.architecture}, and the network is {model.name}; set model.name={file.architecture}"


def _refusal(report: Report, model: Model, head: str) -> str:
    """The message about what does not fit, and what to do."""
    wrong = (*report.missing, *report.left_over, *(each.name for each in report.reshaped))
    in_head = all(name.startswith(head) for name in wrong)
    way = "weights.part=trunk to draw the head anew" if in_head else "the model.name whose weights these are"
    return (
        f"{report.source}: does not fit {model.name}: {report.discrepancies()}; set {way}, or weights.mismatch=skip "
        "to load what fits"
    )
