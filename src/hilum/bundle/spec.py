"""`bundle.json`: everything about a bundle but its weights, as one typed record. No torch here."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from hilum.bundle.adapted import Adaptation
from hilum.confidence import Calibration, Conformal, ScoreReference
from hilum.confidence.probabilities import softmax
from hilum.recipe import Recipe
from hilum.records import Figure

# Since 3 with calibration, prediction sets and scores to compare with; 2 is read as one without them. Since 4 it may
# hold a system without a network; of a network it holds what one of schema 3 holds. Since 5 its recipe
# says what sets the grey scale (`pixels.grey_scale`); before, the extremes did. Since 6 its films may be cropped to
# the lungs (`pixels.region`); before, they were shown whole. Since 7 it may have been adapted (`adapted`).
SCHEMA = 7
READABLE = (2, 3, 4, 5, 6, SCHEMA)
_GREY_SCALE_SINCE = 5
PIPELINE_NAME = "model.skops"  # of a system without a network, in place of model.onnx and weights.safetensors


class OperatingPoint(Struct, frozen=True):
    """Where the detector decides.

    Attributes:
        threshold: the probability of the positive class, from 0 to 1, from which on it is predicted; None with more
            than two classes.
        rule: how it was chosen, as in the recipe; `argmax` without a threshold: the most probable class is predicted.
        chosen_on: on which films, in words.
    """

    threshold: float | None
    rule: str
    chosen_on: str


class Decisions(Struct, frozen=True):
    """What was chosen on validation films, and the figures there: fields of `Spec` by the same names."""

    operating_point: OperatingPoint
    calibration: Calibration
    conformal: Conformal | None
    scores: ScoreReference | None
    metrics: dict[str, Figure]


class SplitCard(Struct, frozen=True):
    """What one split held: counts of films by `label` or `label/subtype`, and of patients (0 where unknown)."""

    films: dict[str, int]
    patients: int


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """One of several networks whose probabilities are averaged.

    Attributes:
        recipe: its own, resolved: how it is built, and how it is shown films.
        share: of the probability, above 0; those of all members add up to 1.
        data: what it was trained and validated on, by split.
        data_fingerprint: as `Spec.data_fingerprint`.
        seal: of the bundle that it comes from.
    """

    recipe: Recipe
    share: float
    data: dict[str, SplitCard]
    data_fingerprint: str
    seal: str


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a prediction needs besides the network or the system itself.

    Attributes:
        schema: version of this record.
        hilum: version of the package that wrote it.
        created: date, UTC, ISO 8601.
        recipe: the resolved recipe; `recipe.pixels` is the preprocessing. Of several networks: how their threshold
            was chosen; `recipe.model.name` names them all, and each has a recipe of its own among the members.
        classes: names of the classes; of two, the last one is the positive class.
        operating_point: where it decides, and what chose that.
        calibration: correction of the probabilities and where it comes from; the threshold is of corrected ones.
        data: what was trained and validated on, by split.
        data_fingerprint: SHA-256 over the films' hashes, labels and splits.
        code_fingerprint: SHA-256 over the package's source.
        metrics: figures on validation, as in `metrics.json`; that of one class among several is `figure/class`.
            Of networks whose films are cropped to the lungs also `auroc_lungs_blanked` and `auroc_border_only`: of
            the same films with the lungs blanked, and of their outer tenth alone.
        history: the rows of `history.csv`: an epoch each, or of a system without a network what was tried.
        files: SHA-256 of every other file of the bundle.
        seal: SHA-256 of this record's canonical JSON, as it was written, with an empty seal.
        members: the networks whose probabilities are averaged; none where the bundle holds one network.
        out_of_fold: whether threshold and figures are of predictions out of fold: of each film by the one network
            that was not trained on it. The networks together were validated on no film.
        conformal: from which probability on a class is in a film's prediction set; None in a bundle of schema 2, or
            where validation had no film of some class.
        scores: what validation films were given, to notice that other films are not like them; None as above.
        parameters: of all networks, as Keras counts them, or the numbers that a system without one keeps; 0 where
            it is not known (schema 2).
        multiply_adds: for one film; 0 where it is not known.
        made_with: versions of the libraries that a system without a network was fitted by; none for networks.
        adapted: on the films of which other hospitals it was adapted, the first one first; `data` and `history` are
            of the films that it was made from.
    """

    schema: int
    hilum: str
    created: str
    recipe: Recipe
    classes: tuple[str, ...]
    operating_point: OperatingPoint
    calibration: Calibration
    data: dict[str, SplitCard]
    data_fingerprint: str
    code_fingerprint: str
    metrics: dict[str, Figure]
    history: list[dict[str, float]]
    files: dict[str, str]
    seal: str = ""
    members: tuple[Member, ...] = ()
    out_of_fold: bool = False
    conformal: Conformal | None = None
    scores: ScoreReference | None = None
    parameters: int = 0
    multiply_adds: int = 0
    made_with: dict[str, str] = {}
    adapted: tuple[Adaptation, ...] = ()

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """By which each of the bundle's networks was built."""
        return tuple(member.recipe for member in self.members) or (self.recipe,)


def decisions_of(spec: Spec) -> Decisions:
    """What was chosen on the validation films of a bundle."""
    return Decisions(spec.operating_point, spec.calibration, spec.conformal, spec.scores, spec.metrics)


def as_written(spec: Spec) -> Spec:
    """A record that was just decoded, with what keys that it lacks meant to the version that wrote it."""
    if spec.schema >= _GREY_SCALE_SINCE:
        return spec

    def scaled(recipe: Recipe) -> Recipe:
        return replace(recipe, pixels=replace(recipe.pixels, grey_scale="extremes"))

    members = tuple(replace(member, recipe=scaled(member.recipe)) for member in spec.members)
    return replace(spec, recipe=scaled(spec.recipe), members=members)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Probabilities from a network's logits.

    Args:
        logits: (n, 1), of the second of two classes (sigmoid), or (n, classes) (softmax); float32.

    Returns:
        (n, classes) float64, each row adding up to 1.
    """
    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        # Two logits that differ by the one: a softmax over them is the sigmoid.
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    return softmax(logits)
