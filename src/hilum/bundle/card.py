"""The bundle's card: what it is for, what it learnt from, how good it was where it was made. Plain Markdown."""

from __future__ import annotations

from hilum.bundle.spec import Spec, SplitCard
from hilum.records import Figure

_SHOWN = ("auroc", "accuracy", "sensitivity", "specificity", "precision", "f1", "brier", "ece")


def card(spec: Spec, parameters: int) -> str:
    """The card of a bundle; `parameters` as Keras counts them."""
    recipe, positive, others = spec.recipe, spec.classes[-1], ", ".join(f"`{name}`" for name in spec.classes[:-1])
    balanced = recipe.training.class_weights == "balanced"
    clinic = (
        "in which the classes are equally frequent" if balanced else "in which they are as frequent as in its data"
    )
    films = {split: ", ".join(f"{n} {name}" for name, n in part.films.items()) for split, part in spec.data.items()}
    data = "\n".join(f"| {split} | {films[split]} | {_patients(part)} |" for split, part in spec.data.items())
    figures = "\n".join(f"| {name} | {_figure(spec.metrics[name])} |" for name in _SHOWN if name in spec.metrics)
    return f"""# {recipe.name}

**Research only: this is not a medical device.** It supports research into reading chest films. It must not be
used to diagnose, to treat, or to put off either. Nobody has approved it for clinical use.

## What it does

Says how probable `{positive}` is, against {others}, for one frontal chest film. It says `{positive}` from a
probability of {spec.operating_point.threshold:.4f} on (rule: {spec.operating_point.rule}; chosen on
{spec.operating_point.chosen_on}).

Network: {recipe.model.name}, {parameters:,} parameters; grey films of {recipe.pixels.size}×{recipe.pixels.size}
pixels. Its probabilities are not corrected after training (calibration: {spec.calibration.method}); they are
meant for a clinic {clinic}.

## What it learnt from

{recipe.data or "The recipe does not say where its films come from."}

| split | films | patients |
|---|---|---|
{data}

## How good it was on validation

Other patients than those it learnt from, but of the same hospital; 95% intervals from a bootstrap over patients.
Films of another hospital, another age or another machine are harder: measure there before you believe these.

| figure | value (95% interval) |
|---|---|
{figures}

## What it was not made for

Adults, if it learnt from children, and the other way round; lateral films; CT slices, unless it learnt from them;
any finding other than `{positive}`; pictures that are no chest films. It answers them all the same: a probability
is no proof that the film was one.

## Provenance

Hilum {spec.hilum}, {spec.created}. Data fingerprint `{spec.data_fingerprint[:16]}`, code fingerprint
`{spec.code_fingerprint[:16]}`. The resolved recipe, the history and every figure are in `bundle.json`.
"""


def _patients(part: SplitCard) -> str:
    return str(part.patients) if part.patients else "not known"


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "not defined"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
