"""The bundle's card: what it is for, what it learnt from, how good it was where it was made. Plain Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from hilum.bundle.spec import Spec, SplitCard

_SHOWN = ("auroc", "accuracy", "sensitivity", "specificity", "precision", "f1", "brier", "ece")


def card(spec: Spec, parameters: int) -> str:
    """The card of a bundle; `parameters` as Keras counts them."""
    recipe, two = spec.recipe, len(spec.classes) == 2
    others = f"any finding other than `{spec.classes[-1]}`" if two else f"anything but {_listed(spec.classes)}"
    balanced = recipe.training.class_weights == "balanced"
    clinic = (
        "in which the classes are equally frequent" if balanced else "in which they are as frequent as in its data"
    )
    films = {split: ", ".join(f"{n} {name}" for name, n in part.films.items()) for split, part in spec.data.items()}
    data = "\n".join(f"| {split} | {films[split]} | {_patients(part)} |" for split, part in spec.data.items())
    return f"""# {recipe.name}

**Research only: this is not a medical device.** It supports research into reading chest films. It must not be
used to diagnose, to treat, or to put off either. Nobody has approved it for clinical use.

## What it does

{_what_it_does(spec)}

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

{_figures(spec)}

## What it was not made for

Adults, if it learnt from children, and the other way round; lateral films; CT slices, unless it learnt from them;
{others}; pictures that are no chest films. It answers them all the same: a probability
is no proof that the film was one.

## Provenance

Hilum {spec.hilum}, {spec.created}. Data fingerprint `{spec.data_fingerprint[:16]}`, code fingerprint
`{spec.code_fingerprint[:16]}`. The resolved recipe, the history and every figure are in `bundle.json`.
"""


def _what_it_does(spec: Spec) -> str:
    point, positive = spec.operating_point, spec.classes[-1]
    if point.threshold is None:
        return (
            f"Says how probable each of {_listed(spec.classes)} is, for one frontal chest film,\n"
            "and names the most probable."
        )
    return (
        f"Says how probable `{positive}` is, against `{spec.classes[0]}`, for one frontal chest film. "
        f"It says `{positive}` from a\nprobability of {point.threshold:.4f} on (rule: {point.rule}; chosen on\n"
        f"{point.chosen_on})."
    )


def _listed(names: Sequence[str]) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} and {last}"


def _figures(spec: Spec) -> str:
    """The figures over all films, and where there are several classes those of each against the rest."""
    of_class = [kind for kind in _SHOWN if f"{kind}/{spec.classes[0]}" in spec.metrics]
    shown = {name: f"{name}, mean of the classes" if name in of_class else name for name in _SHOWN}
    lines = ["| figure | value (95% interval) |", "|---|---|"]
    lines += [f"| {title} | {spec.metrics[name]} |" for name, title in shown.items() if name in spec.metrics]
    if of_class:
        lines += ["", f"| class, against the rest | {' | '.join(of_class)} |", "|---" * (1 + len(of_class)) + "|"]
        for name in spec.classes:
            figures = (str(spec.metrics[f"{kind}/{name}"]) for kind in of_class)
            lines.append(f"| {name} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _patients(part: SplitCard) -> str:
    return str(part.patients) if part.patients else "not known"
