"""Drafts of two reporting check-lists, filled in from what a run recorded; what only a person knows is left blank.

CLAIM: Tejani et al., "Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 update", Radiology:
Artificial Intelligence 6 (2024): e240300. TRIPOD+AI: Collins et al., BMJ 385 (2024): e078378. The items are
paraphrased; submit the official forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hilum.bundle import Spec
from hilum.evaluation.results import Evaluation
from hilum.evaluation.wording import listed, number, plain, with_interval
from hilum.recipe import Pixels
from hilum.records.text import markdown, printable

FOR_A_PERSON = "*For a person.*"

# (number, what it asks, the facts that answer it)
Item = tuple[str, str, str]

CLAIM: tuple[Item, ...] = (
    ("1", "Identified as a study of artificial intelligence, with the kind of technology", "technology"),
    ("2", "Abstract: design, methods, results, conclusions", ""),
    ("3", "Background, intended use and role", "use"),
    ("4", "Aims, objectives, hypotheses", ""),
    ("5", "Prospective or retrospective", "retrospective"),
    ("6", "Goal of the study", ""),
    ("7", "Sources of the data", "data"),
    ("8", "Inclusion and exclusion criteria", ""),
    ("9", "Preprocessing", "preprocessing"),
    ("10", "Selection of subsets of the data", ""),
    ("11", "De-identification", ""),
    ("12", "Missing data", "missing"),
    ("13", "Acquisition of the images", ""),
    ("14", "Definition of the reference standard", "labels"),
    ("15", "Why that reference standard", ""),
    ("16", "Who annotated, and how", ""),
    ("17", "Annotation of the test set", ""),
    ("18", "Variability between and within raters", ""),
    ("19", "How films were assigned to partitions", "partitions"),
    ("20", "At which level partitions are disjoint", "disjoint"),
    ("21", "Intended sample size", ""),
    ("22", "The model, in detail", "model"),
    ("23", "Software", "software"),
    ("24", "Initialisation of the parameters", "initialisation"),
    ("25", "Training", "training"),
    ("26", "How the final model was selected", "selection"),
    ("27", "Ensembles", "ensemble"),
    ("28", "Metrics", "metrics"),
    ("29", "Statistical uncertainty and significance", "uncertainty"),
    ("30", "Robustness and sensitivity", "robustness"),
    ("31", "Explanation", ""),
    ("32", "Evaluation on internal data", "internal"),
    ("33", "Testing on external data", ""),
    ("34", "Registration of the trial", ""),
    ("35", "Patients and examinations included and excluded", "counts"),
    ("36", "Demographic and clinical characteristics", "groups"),
    ("37", "Performance with its uncertainty", "performance"),
    ("38", "Diagnostic performance and its precision", "performance"),
    ("39", "Analysis of failures", "failures"),
    ("40", "Limitations", "limits"),
    ("41", "Implications for practice", ""),
    ("42", "Protocol and further technical detail", "recipe"),
    ("43", "Availability of software, model and data", "software"),
    ("44", "Funding", ""),
)

TRIPOD: tuple[Item, ...] = (
    ("1", "Title: develops or evaluates a prediction model, population, outcome", ""),
    ("2", "Abstract (TRIPOD+AI for abstracts)", ""),
    ("3a", "Context and rationale", ""),
    ("3b", "Target population and intended purpose", "use"),
    ("3c", "Known inequalities between groups", ""),
    ("4", "Objectives", ""),
    ("5a", "Sources of the data", "data"),
    ("5b", "Dates of the data", ""),
    ("6a", "Setting", ""),
    ("6b", "Eligibility", ""),
    ("6c", "Treatments received", ""),
    ("7", "Preparation of the data", "preprocessing"),
    ("8a", "Outcome, and how it was assessed", "labels"),
    ("8b", "Who assessed the outcome", ""),
    ("8c", "Blinding of that assessment", ""),
    ("9a", "Choice of predictors", "predictors"),
    ("9b", "Definition of all predictors", "predictors"),
    ("9c", "Who assessed predictors", "predictors"),
    ("10", "Sample size", "counts"),
    ("11", "Missing data", "missing"),
    ("12a", "How the data were used: partitions", "partitions"),
    ("12b", "How predictors were handled", "preprocessing"),
    ("12c", "Type of model, building, tuning, internal validation", "training"),
    ("12d", "Heterogeneity between clusters", "groups"),
    ("12e", "Measures of performance", "metrics"),
    ("12f", "Updating: recalibration", "calibration"),
    ("12g", "How predictions were calculated", "prediction"),
    ("13", "Class imbalance", "imbalance"),
    ("14", "Fairness", ""),
    ("15", "Output of the model, thresholds", "output"),
    ("16", "Differences between development and evaluation", "shift"),
    ("17", "Ethical approval", ""),
    ("18a", "Funding", ""),
    ("18b", "Conflicts of interest", ""),
    ("18c", "Protocol", ""),
    ("18d", "Registration", ""),
    ("18e", "Sharing of data", ""),
    ("18f", "Sharing of code", "software"),
    ("19", "Involvement of patients and the public", ""),
    ("20a", "Flow of participants", "counts"),
    ("20b", "Characteristics of participants", "groups"),
    ("20c", "Development and evaluation data compared", "shift"),
    ("21", "Participants and events in each analysis", "counts"),
    ("22", "The full model, so that anyone can predict with it", "recipe"),
    ("23a", "Performance with intervals, also in subgroups", "performance"),
    ("23b", "Heterogeneity of performance", "groups"),
    ("24", "Results of updating", "calibration"),
    ("25", "Interpretation", ""),
    ("26", "Limitations", "limits"),
    ("27a", "Poor or missing input when in use", "missing"),
    ("27b", "Interaction with users, and their expertise", ""),
    ("27c", "Next steps", ""),
)


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
