"""What a bundle's record must agree on with itself, whoever sealed it. No torch here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from hilum.bundle.spec import PIPELINE_NAME, Spec

SPEC_NAME = "bundle.json"
SIGNATURE_NAME = "signature.json"
ONNX_NAME = "model.onnx"
LOGITS, MAPS = "logits", "class_activation_maps"  # what the network in it gives, and gives where it can
WEIGHTS_NAME = "weights.safetensors"
GOLDEN_NAME = "golden.json"
LUNGS_NAME = "lungs.onnx"  # what finds the lungs, where films are cropped to them or described by them
LUNGS_RECORD = "lungs.json"  # of a folder that holds a network that finds lungs, and no detector

_LONGEST = 200  # characters of a class's or a file's name
_DIGEST = re.compile(r"[0-9a-f]{64}")


def contradiction(spec: Spec) -> str:
    """The first thing in a record that cannot be so, as the middle of a sentence; empty where all is well."""
    return next((found for check in _CHECKS for found in check(spec)), "")


def _classes(spec: Spec) -> Iterator[str]:
    names = spec.classes
    if len(names) < 2 or len(set(names)) < len(names):
        yield f"a detector tells two or more classes apart, and here are {', '.join(map(repr, names)) or 'none'}"
    for name in names:
        if not name or name != name.strip() or not name.isprintable() or len(name) > _LONGEST:
            yield f"{name[:40]!r} is no name of a class"
    if spec.recipe.classes and spec.recipe.classes != names:
        yield (
            f"its classes are {', '.join(names)}, and those of its recipe {', '.join(spec.recipe.classes)}; their "
            "order counts too"
        )


def _decides(spec: Spec) -> Iterator[str]:
    threshold, two = spec.operating_point.threshold, len(spec.classes) == 2
    if two and threshold is None:
        yield "two classes are told apart at a threshold, and it has none"
    if threshold is not None:
        if not two:
            yield f"{len(spec.classes)} classes are told apart by the most probable one, and it has a threshold"
        if not (math.isfinite(threshold) and 0 < threshold < 1):
            yield f"its threshold is {threshold:g}, which calls every film the same; one lies between 0 and 1"


def _confidence(spec: Spec) -> Iterator[str]:
    number = len(spec.classes)
    if spec.calibration.method in ("platt", "isotonic") and number != 2:
        yield f"calibration by {spec.calibration.method} is for two classes, and it has {number}"
    if spec.conformal and len(spec.conformal.thresholds) != number:
        yield f"its prediction sets are of {len(spec.conformal.thresholds)} classes, and it has {number}"
    if spec.scores and len(spec.scores.prior) != number:
        yield f"its validation scores are of {len(spec.scores.prior)} classes, and it has {number}"


def _members(spec: Spec) -> Iterator[str]:
    if not spec.members:
        return
    shares = [member.share for member in spec.members]
    if not all(0 < share <= 1 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-6):
        yield f"the shares of its networks add up to {sum(shares):g}, and must be above 0 and add up to 1"
    if spec.recipe.classical:
        yield "it is a system without a network and names networks"
    for member in spec.members:
        if member.recipe.pixels != spec.recipe.pixels:
            yield f"its network {member.recipe.name!r} is shown other pixels than it"


def _files(spec: Spec) -> Iterator[str]:
    for name, digest in spec.files.items():
        plain = name.isprintable() and len(name) <= _LONGEST and not set(name) & set('/\\:*?"<>|')
        if not plain or name in ("", ".", "..", SPEC_NAME, SIGNATURE_NAME):
            yield f"it lists {name[:80]!r}, which is no name of a file in its own folder"
        if not _DIGEST.fullmatch(digest):
            yield f"what it lists of {name[:80]!r} is no SHA-256"
    needed = (PIPELINE_NAME,) if spec.recipe.classical else (ONNX_NAME, WEIGHTS_NAME)
    for name in (*needed, GOLDEN_NAME):
        if name not in spec.files:
            yield f"it lists no {name}"


def _lungs(spec: Spec) -> Iterator[str]:
    """Films that are cropped to the lungs need the network that finds them, and no other one."""
    pixels, listed = spec.recipe.pixels, spec.files.get(LUNGS_NAME)
    if pixels.region != "lungs":
        classical = spec.recipe.classical  # one that describes films by their lungs holds what finds them
        if listed is not None and not (classical and classical.uses_lungs):
            yield f"it shows whole films and lists {LUNGS_NAME}"
    elif listed is None:
        yield f"it crops films to the lungs and lists no {LUNGS_NAME}"
    elif listed != pixels.lungs_sha256:
        yield f"its recipe names another lung network (pixels.lungs_sha256) than the {LUNGS_NAME} that it lists"


def _texts(spec: Spec) -> Iterator[str]:
    """Names and reasons that are printed, on terminals and pages, stand in one line."""
    point, calibration = spec.operating_point, spec.calibration
    texts = [spec.hilum, spec.created, point.rule, point.chosen_on, calibration.chosen_on, *spec.metrics, *spec.data]
    for recipe in (spec.recipe, *spec.recipes):
        texts += [recipe.name, recipe.model.name]
    for text in texts:
        if not text.isprintable():
            yield f"it holds control characters or line breaks where there are none ({ascii(text)[:60]})"


def _counts(spec: Spec) -> Iterator[str]:
    if spec.parameters < 0 or spec.multiply_adds < 0:
        yield "it counts fewer than no parameters"
    for name, part in spec.data.items():
        if part.patients < 0 or any(films < 0 for films in part.films.values()):
            yield f"it counts fewer than no films in {name[:40]!r}"


_CHECKS = (_classes, _decides, _confidence, _members, _files, _lungs, _texts, _counts)
