"""Drafts of two reporting check-lists, filled in from what a run recorded; what only a person knows is left blank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hilum.bundle import Spec
from hilum.evaluation.checklist_items import CLAIM, TRIPOD, Item
from hilum.evaluation.results import Evaluation
from hilum.evaluation.wording import listed, number, plain, with_interval
from hilum.recipe import Pixels
from hilum.records.text import markdown, printable

FOR_A_PERSON = "*For a person.*"


def checklists(spec: Spec, evaluation: Evaluation) -> dict[str, str]:
    """Both check-lists as Markdown, by the names of their files.

    Args:
        spec: of the bundle.
        evaluation: of the bundle, on one set of films.
    """
    facts = _facts(spec, evaluation)
    return {
        "CLAIM.md": _markdown("CLAIM 2024", CLAIM, facts, spec),
        "TRIPOD+AI.md": _markdown("TRIPOD+AI", TRIPOD, facts, spec),
    }


def _markdown(name: str, items: Sequence[Item], facts: Mapping[str, str], spec: Spec) -> str:
    filled = sum(bool(key) for _, _, key in items)
    lines = [
        f"# {name}: a draft for {markdown(spec.recipe.name)}",
        "",
        f"{filled} of {len(items)} items are filled in from what the run recorded; the others, and whether these are "
        "enough, are for a person. The items are paraphrased: submit the official form.",
        "",
        "| item | asks for | here |",
        "|---|---|---|",
    ]
    lines += [
        f"| {number_} | {asks} | {_cell(facts[key]) if key else FOR_A_PERSON} |" for number_, asks, key in items
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return printable(" ".join(text.split())).replace("|", "\\|").replace("<", "\\<")


def _facts(spec: Spec, evaluation: Evaluation) -> dict[str, str]:
    """What the run recorded, each in a sentence or two."""
    recipe, training, point = spec.recipe, spec.recipe.training, spec.operating_point
    films = {name: f"{sum(card.films.values()):,} films" for name, card in spec.data.items()}
    shifted, shift = evaluation.shifted, evaluation.shift
    chosen = [
        f"{called} {with_interval(getattr(evaluation, name))}"
        for name, called in (
            ("auroc", "AUROC"),
            ("sensitivity", "sensitivity"),
            ("specificity", "specificity"),
            ("accuracy", "accuracy"),
            ("brier", "Brier score"),
        )
        if getattr(evaluation, name).value is not None
    ]
    of_class = "; ".join(
        f"{name}: {', '.join(f'{count:,} {label}' for label, count in card.films.items())}, "
        f"{f'{card.patients:,} patients' if card.patients else 'patients unknown'}"
        for name, card in spec.data.items()
    )
    threshold = "" if point.threshold is None else f"; called positive from {point.threshold:.4f} on"
    facts = {
        "technology": f"A convolutional network ({recipe.model.name}) that reads a frontal chest film.",
        "use": f"Distinguishes {listed(spec.classes)}. Decision support for research; not a medical device.",
        "retrospective": "Retrospective, on existing films.",
        "data": recipe.data or f"{FOR_A_PERSON} The recipe does not say.",
        "preprocessing": f"{_shown(recipe.pixels)}, denoised: {recipe.pixels.denoise}, "
        f"equalised: {recipe.pixels.equalise}.",
        "missing": f"A film that cannot be read gets no probability and is listed: {evaluation.n_failed} here. "
        f"{evaluation.n_unlabelled} without a label are in no figure.",
        "labels": f"Folders or a table name {listed(spec.classes)}. {FOR_A_PERSON} Who labelled the films, and how.",
        "partitions": f"By patient where patients are known, stratified by class and cause: {of_class}.",
        "disjoint": "By patient, where patients are known; films with the same bytes always lie on one side.",
        "model": f"{recipe.model.name}, {spec.parameters:,} parameters, {spec.multiply_adds:,} multiply-adds a film; "
        f"input normalised by {recipe.model.normalise}.",
        "software": f"Hilum {spec.hilum}, Apache-2.0; code fingerprint {spec.code_fingerprint[:16]}.",
        "initialisation": recipe.weights.source or recipe.init.source or f"Drawn at random, seed {recipe.seed}.",
        "training": f"Up to {training.epochs} epochs, {training.optimizer} at {training.learning_rate:g}, schedule "
        f"{training.schedule}, objective {training.objective}, batches of {recipe.batches.size}; "
        f"{len(spec.history)} epochs were run.",
        "selection": f"Kept: {training.keep}, by {training.monitor} on validation; threshold: {point.rule}, chosen "
        f"on {point.chosen_on}.",
        "ensemble": f"{len(spec.members)} networks, probabilities averaged." if spec.members else "None.",
        "metrics": "AUROC, sensitivity, specificity, accuracy, precision, F1, average precision, Brier score, log "
        "loss, calibration error.",
        "uncertainty": f"95% intervals from {evaluation.resamples:,} resamples of patients; AUROC also by DeLong.",
        "robustness": (
            f"Under {shifted.battery}: mean AUROC {with_interval(shifted.auroc_mean)}, worst "
            f"{number(shifted.auroc_worst.value)} ({plain(shifted.auroc_worst.shift or 'none')})."
            if shifted
            else f"{FOR_A_PERSON} Not measured here: hilum evaluate --shifts."
        ),
        "internal": f"Validation: AUROC {spec.metrics['auroc']}." if "auroc" in spec.metrics else FOR_A_PERSON,
        "counts": f"Evaluated here: {evaluation.n:,} films of {evaluation.patients or 'unknown'} patients. Trained "
        f"and validated on: {', '.join(f'{name} {count}' for name, count in films.items())}.",
        "groups": f"Known: {listed(list(evaluation.subgroups)) or 'nothing about the patients'}. See the report.",
        "performance": f"{'; '.join(chosen) or 'No figure is defined on these films'}.",
        "failures": "Its worst errors are in the report.",
        "limits": " ".join(evaluation.notes) or FOR_A_PERSON,
        "recipe": f"The bundle holds weights and recipe; its seal is {spec.seal[:16]}.",
        "predictors": "The film's pixels, and nothing else.",
        "calibration": f"{spec.calibration.method}, chosen on {spec.calibration.chosen_on or 'nothing'}.",
        "prediction": "By the bundle's own network under ONNX Runtime, checked against golden predictions at load.",
        "imbalance": f"Class weights: {training.class_weights}; batches drawn {recipe.batches.draw}.",
        "output": f"A probability of each of {listed(spec.classes)}{threshold} (rule: {point.rule}).",
        "shift": (
            f"Scores of these films against validation's, without labels: {shift.looks_like} "
            f"(p = {shift.moved.p:.3f})."
            if shift
            else f"{FOR_A_PERSON} The bundle or these films do not allow a comparison of scores."
        ),
    }
    return facts | _of_system(spec) if recipe.classical else facts


def _of_system(spec: Spec) -> dict[str, str]:
    """The facts that differ for a system without a network."""
    recipe, spec_of = spec.recipe, spec.recipe.classical
    assert spec_of is not None
    nested = next((row["nested_auroc"] for row in spec.history if "nested_auroc" in row), None)
    steps = f", prepared by {', '.join(spec_of.steps)}" if spec_of.steps else ""
    tried = sum("folds_auroc" in row for row in spec.history)
    by_folds = (
        f"{tried} {'choices' if tried > 1 else 'choice'} by cross-validation over {spec_of.folds} folds of the "
        "training patients"
        + ("" if nested is None else f"; nested cross-validation of the selection gives an AUROC of {nested:.4f}")
    )
    described = (
        f"Its grey values at {spec_of.side} × {spec_of.side} pixels"
        if spec_of.describe == "grey"
        else f"Hand-made features of the film ({', '.join(spec_of.families)})"
    )
    return {
        "technology": f"Machine learning without a neural network ({recipe.system}) that reads a frontal chest film."
        if spec_of.classifier != "genetic"
        else f"Machine learning on features of a frontal chest film ({recipe.system}).",
        "preprocessing": f"{_shown(recipe.pixels)}, denoised: {recipe.pixels.denoise}, "
        f"equalised: {recipe.pixels.equalise}{steps}.",
        "model": f"{recipe.system}; {spec.parameters:,} numbers.",
        "initialisation": f"Draws start from seed {recipe.seed}.",
        "training": f"Fitted by scikit-learn {spec.made_with.get('scikit-learn', '')}; "
        f"{by_folds if tried else 'no search'}.",
        "selection": f"{by_folds.capitalize() if tried else 'As set in the recipe'}; threshold: "
        f"{spec.operating_point.rule}, chosen on {spec.operating_point.chosen_on}.",
        "predictors": f"{described}, and nothing else.",
        "prediction": "By the bundle's own fitted pipeline, checked against golden predictions at load.",
        "imbalance": f"Class weights: {recipe.training.class_weights}.",
        "recipe": f"The bundle holds the fitted system and its recipe; its seal is {spec.seal[:16]}.",
    }


def _shown(pixels: Pixels) -> str:
    """Which part of a film is shown, and how large."""
    part = "Cropped to the lungs, grey" if pixels.region == "lungs" else "Grey"
    return f"{part}, {pixels.size} × {pixels.size} pixels by {pixels.resize}"
