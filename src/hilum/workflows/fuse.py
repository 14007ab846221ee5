"""From several bundles to one, whose probabilities are the mean of theirs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from hilum.bundle import lung_finder, require_network
from hilum.errors import LayoutError, RequestError
from hilum.locks import one_writer
from hilum.recipe import Model, Recipe, differences
from hilum.records import Manifest
from hilum.workflows.deployed import DeployedNetworks, fit_gate, summarize, whole_films

if TYPE_CHECKING:
    from hilum.bundle import Bundle, Member, Spec

_SMALLEST = 0.001  # a share that moves no probability by more than a reader sees

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True)
class FusedBundle:
    """What fusing gave.

    Attributes:
        bundle: the new bundle's folder.
        manifest: the films that were named, with their splits.
    """

    bundle: Path
    manifest: Manifest


@one_writer("out")
def fuse(
    bundles: Sequence[str | Path],
    films: Manifest | str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    shares: Literal["mean", "fitted"] = "mean",
    name: str = "",
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> FusedBundle:
    """Fuse bundles that see the same films and know the same classes into one, which averages their probabilities.

    Where it decides is chosen on the val films, by the first bundle's rule and with its drawn views. A bundle that
    was fused itself brings its networks, each with its part of the bundle's share.

    Args:
        bundles: two or more, each a folder or `shipped`.
        films: a manifest, or what `index` takes, with val films of every class.
        out: gets the new bundle, in `out/bundle`.
        shares: equal ones, or those with the smallest log loss on the val films.
        name: what the new bundle is called; the name of `out` without.
        class_names: as for `hilum.index`.

    Raises:
        RequestError: `out` holds a bundle or a run, the bundles do not go together, or no mixture is better than one
            bundle alone.
        LayoutError: the films lack one of the classes.
    """
    from hilum.extras import require
    from hilum.films import as_manifest, match_classes

    require("train", "fusing bundles")
    out = Path(out)
    folder = out / "bundle"
    if folder.exists() or (out / "recipe.toml").exists():
        raise RequestError(f"{out}: holds a {'bundle' if folder.exists() else 'run'} already; name another --out")
    opened = open_bundles(bundles)
    refuse_incompatible(opened)  # before every film is read
    indexed = as_manifest(films, class_names=class_names)
    matched = match_classes(indexed, opened[0].spec.classes)
    notes = () if isinstance(films, Manifest) else indexed.notes
    for note in (*notes, *matched.notes):
        logger.info(f"note: {note}")
    manifest = matched.manifest
    return FusedBundle(
        fuse_bundles(bundles, manifest, folder, name=name or out.resolve().name, shares=shares), manifest
    )


def fuse_bundles(
    bundles: Sequence[str | Path], manifest: Manifest, folder: Path, *, name: str, shares: Literal["mean", "fitted"]
) -> Path:
    """Write the bundle of several bundles' networks, and choose on the val films where it decides.

    Args:
        bundles: their folders.
        manifest: val films of every class; its train films show whether the networks were trained on the same split.
        folder: the new bundle's.
        name: what it is called.
        shares: equal ones, or those with the smallest log loss on the val films.

    Returns:
        The folder.

    Raises:
        RequestError: the bundles do not go together, the films lack one of their classes, or no mixture is better
            than one bundle alone.
    """
    from hilum.evaluation.truth import require_known_labels

    opened = open_bundles(bundles)
    refuse_incompatible(opened)
    classes, recipe = opened[0].spec.classes, fused_recipe(name, opened)
    used = manifest.labelled_by(recipe.labels).where(lambda film: film.split in ("train", "val"))
    val = used.split("val")
    require_known_labels(val, classes)
    if missing := [each for each in classes if each not in val.labels]:
        raise LayoutError(f"no val film is labelled {', '.join(missing)}; the threshold needs some of each class")

    from hilum.bundle.network_payload import NetworkPayload
    from hilum.bundle.seal import data_fingerprint
    from hilum.bundle.signature import tell_unsigned
    from hilum.bundle.weights import load_networks
    from hilum.bundle.write import write

    lungs = lung_finder(opened[0])  # of all of them: they agree on the pixels
    fingerprint = data_fingerprint(used)
    for each in opened:
        if any(member.data_fingerprint != fingerprint for member in members_of(each.spec, 1)):
            logger.info(
                f"note: {each.folder} was trained on other films than the train films here, or on another split of "
                "them; where some of these val films are among them, the figures here are too good"
            )
    parts = [1 / len(opened)] * len(opened)
    if shares == "fitted":
        parts = _fit(opened, val, classes, recipe)
    kept = [(each, part) for each, part in zip(opened, parts, strict=True) if part]
    members = tuple(member for each, part in kept for member in members_of(each.spec, part))
    networks = [network for each, _ in kept for network in load_networks(each)]
    deployed = DeployedNetworks(NetworkPayload(networks, recipe, members, lungs), lungs)
    decisions = deployed.fit_decisions(val, classes, recipe)
    logger.info(f"{folder}: {recipe.model.name}; {summarize(decisions)}")
    written = write(
        deployed.payload,
        folder,
        recipe=recipe,
        classes=classes,
        manifest=used,
        decisions=decisions,
        gate=fit_gate(used.split("train"), recipe, lungs) if "train" in {film.split for film in used} else None,
        history=[],
        lungs=lungs,
    ).folder
    tell_unsigned(written, [each.folder for each in opened])
    return written


def open_bundles(bundles: Sequence[str | Path]) -> list[Bundle]:
    """Read and check several bundles."""
    from hilum import bundle

    return [bundle.read(each) for each in bundles]


def refuse_incompatible(bundles: Sequence[Bundle]) -> None:
    """Raise RequestError for bundles whose probabilities cannot be averaged."""
    for each in bundles:
        require_network(each, "only networks are fused, into one that is run at once")
    if len(bundles) < 2:
        raise RequestError("one bundle is nothing to fuse; name two or more: hilum fuse BUNDLE BUNDLE --data DIR")
    first, *others = bundles
    seals = [member.seal for each in bundles for member in members_of(each.spec, 1)]
    if len(set(seals)) < len(seals):
        raise RequestError("the same network is named twice among these bundles; name each once")
    for other in others:
        differing = _incompatibilities(first.spec, other.spec)
        if differing:
            raise RequestError(
                f"{first.folder} and {other.folder} do not go together: {'; '.join(differing)}. Fuse bundles of the "
                "same pixels, labels and classes"
            )


def _incompatibilities(one: Spec, other: Spec) -> list[str]:
    """The differences in what networks must share to be fused."""

    def shared(spec: Spec) -> dict[str, object]:
        return {"pixels": spec.recipe.pixels, "labels": spec.recipe.labels, "classes": ", ".join(spec.classes)}

    return differences(shared(one), shared(other))


def members_of(spec: Spec, share: float) -> tuple[Member, ...]:
    """A bundle's networks as members of another one, in which the bundle has that share."""
    from hilum.bundle import Member

    if spec.members:
        return tuple(replace(member, share=share * member.share) for member in spec.members)
    return (Member(spec.recipe, share, spec.data, spec.data_fingerprint, spec.seal),)


def fused_recipe(name: str, bundles: Sequence[Bundle]) -> Recipe:
    """What the bundles share, with the first's choices of where to decide; how each was trained is its own."""
    first, recipes = bundles[0].spec.recipe, [recipe for each in bundles for recipe in each.spec.recipes]
    counts = Counter(recipe.model.name for recipe in recipes)
    names = " + ".join(f"{count} × {each}" if count > 1 else each for each, count in counts.items())
    halves = all(recipe.bundle.weights == "float16" for recipe in recipes)
    return Recipe(
        name=name,
        seed=first.seed,
        data="\n\n".join(dict.fromkeys(recipe.data for recipe in recipes if recipe.data)),
        labels=first.labels,
        classes=first.classes,
        pixels=first.pixels,
        batches=replace(first.batches, crop=0, scales=None),
        model=Model(names, normalise=first.model.normalise),
        bundle=replace(first.bundle, weights="float16" if halves else "float32", scales=(), flips=False),
    )


def _fit(bundles: Sequence[Bundle], val: Manifest, classes: tuple[str, ...], recipe: Recipe) -> list[float]:
    """Shares with the smallest log loss on validation; 0 for a bundle that the others make superfluous."""
    import numpy as np

    from hilum import bundle, models
    from hilum.bundle.weights import load_model
    from hilum.training.ensemble_weights import fit_ensemble_weights
    from hilum.training.validation import predict_logits

    films = whole_films(val, classes, recipe, lung_finder(bundles[0]))
    logits_per_bundle = [
        predict_logits(models.InParts(load_model(each)), films.unaugmented()).numpy() for each in bundles
    ]
    fitted = fit_ensemble_weights(
        np.stack([bundle.probabilities(logits) for logits in logits_per_bundle]), films.labels
    )
    fitted = np.where(fitted < _SMALLEST, 0, fitted)
    fitted /= fitted.sum()
    for each, share in zip(bundles, fitted, strict=True):
        logger.info(f"{each.folder}: share {share:.3f}{'' if share else ', omitted: it adds nothing to the others'}")
    if np.count_nonzero(fitted) < 2:
        best = bundles[int(fitted.argmax())].folder
        raise RequestError(
            f"on these {len(val)} val films no mixture is better than {best} alone; take that, or --shares mean"
        )
    return [float(share) for share in fitted]
