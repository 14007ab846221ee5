"""The bundle's card: what it is for, what it was trained on, how good it was on validation. Plain Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from hilum.bundle.adapted import IN_WORDS, Adaptation, GateChange
from hilum.bundle.spec import PIPELINE_NAME, Spec, SplitCard
from hilum.recipe import Recipe
from hilum.records.text import markdown, printable

# Of the lung network that comes with Hilum (`recipes/lungs.toml`).
LUNGS_LEARNT_FROM = """It learnt from outlines that a
program drew in normal films of children and of adults (public repository amitlohan/covid_lungs_dataset), and from
opacities that were painted into these films; no person has outlined the lungs."""
LUNGS_NOT_FOR = "It is not for measuring lungs or the heart, nor for finding a disease."

_CONTROLS = {  # what each leaves of a film (`with_controls`)
    "auroc_lungs_blanked": "With the lungs blanked out of what it is shown of these films",
    "auroc_border_only": "With the outer tenth of that alone",
}
_SHOWN = ("auroc", "accuracy", "sensitivity", "specificity", "precision", "f1", "brier", "log_loss", "ece")


def card(spec: Spec, gated: bool) -> str:
    """The Markdown of a bundle's card; `gated` is whether the bundle has a gate."""
    recipe, two = spec.recipe, len(spec.classes) == 2
    others = (
        f"any finding other than `{printable(spec.classes[-1])}`" if two else f"anything but {_listed(spec.classes)}"
    )
    data = "\n".join(_split_row(split, part) for split, part in spec.data.items())
    return f"""# {markdown(recipe.name)}

**Research only: this is not a medical device.** It supports research into reading chest films. It must not be
used to diagnose, to treat, or to put off either. Nobody has approved it for clinical use.

## What it does

{_what_it_does(spec)}

{_system(spec) if recipe.classical else _networks(spec)}

## What it was trained on

{recipe.data or "The recipe does not say where its films come from."}

| split | films | patients |
|---|---|---|
{data}
{_adapted(spec)}
## How good it was on validation

{_whose(spec)}; 95% intervals from a bootstrap over patients.
Films of another hospital, another age or another machine are harder: measure there before you believe these.

{_figures(spec)}

## What it was not made for

Adults, if it was trained on children, and the reverse; lateral films; CT slices, unless it was trained on them;
{others}; pictures that are not chest films. {_gate(gated)}
{_lungs(spec)}
## Provenance

Hilum {spec.hilum}, {spec.created}. Data fingerprint `{spec.data_fingerprint[:16]}`, code fingerprint
`{spec.code_fingerprint[:16]}`. The resolved recipe, the history and every figure are in `bundle.json`.
"""


def _adapted(spec: Spec) -> str:
    """On which films it was adapted, and what that changed."""
    if not spec.adapted:
        return ""
    lines = ["", "## What it was adapted on", ""]
    for each in spec.adapted:
        films = ", ".join(f"{number} {markdown(name)}" for name, number in each.films.items())
        lines += [
            f"On films of another place, {IN_WORDS[each.rung] if each.rung else 'its gate alone'}.",
            f"Films: {films}; patients: {each.patients or 'not known'}.",
            "Each film was held out once with its patient; what was held out, with 95% intervals over patients:",
            "",
            "| figure | before | adapted |",
            "|---|---|---|",
            *(f"| {markdown(name)} | {figure} | {each.after[name]} |" for name, figure in each.before.items()),
            "",
            *_on_figures(each),
            *(_on_gate(each.gate) if each.gate else []),
            "",
        ]
    return "\n".join(lines)


def _on_figures(adaptation: Adaptation) -> list[str]:
    if adaptation.rung is None:
        return ["The detector itself is the one before: no adapted one was shown to be better."]
    gain, worst = adaptation.gain, adaptation.worst_class_gain
    by_brier = worst is None or (gain.low is not None and gain.low > 0)
    what = f"The Brier score became lower by {gain}."
    if not by_brier:
        what = f"The share of right answers in the class that has fewest rose by {worst}."
    return [
        f"{what} Figures on the films that it was trained on,",
        "wherever they stand, are of the detector before, and hold no longer.",
    ]


def _on_gate(change: GateChange) -> list[str]:
    return [
        "",
        f"The gate has learnt from these films too. Of films held out it lets {change.after} pass, and let",
        f"{change.before} pass before; of pictures made of them that it is to stop, {change.pictures_after:.4f}, and",
        f"{change.pictures_before:.4f} before.",
    ]


def _split_row(split: str, part: SplitCard) -> str:
    films = ", ".join(f"{number} {markdown(name)}" for name, number in part.films.items())
    return f"| {markdown(split)} | {films} | {_patients(part)} |"


def card_contradiction(text: str, spec: Spec) -> str:
    """What a card says otherwise than its bundle's record, as the middle of a sentence; empty where both agree.

    Classes that were swapped, or a threshold that was moved, leave the card as it was.
    """
    text, point = " ".join(text.split()), spec.operating_point
    if point.threshold is None:
        stated = [f"each of {_listed(spec.classes)} is"]
    else:
        other, positive = (printable(name) for name in spec.classes[:2])
        stated = [f"`{positive}` is, against `{other}`,", f"probability of {point.threshold:.4f} on"]
    missing = next((each for each in stated if " ".join(each.split()) not in text), "")
    return f"does not say, as bundle.json does, “{missing}”" if missing else ""


def _what_it_does(spec: Spec) -> str:
    point, other, positive = spec.operating_point, printable(spec.classes[0]), printable(spec.classes[-1])
    if point.threshold is None:
        return (
            f"Says how probable each of {_listed(spec.classes)} is, for one frontal chest film,\n"
            "and names the most probable."
        )
    return (
        f"Says how probable `{positive}` is, against `{other}`, for one frontal chest film. "
        f"It says `{positive}` from a\nprobability of {point.threshold:.4f} on (rule: {point.rule}; chosen on\n"
        f"{point.chosen_on})."
    )


def _networks(spec: Spec) -> str:
    """What computes the probabilities, of what, and in which clinic they hold."""
    recipe, several = spec.recipe, bool(spec.members)
    kind, size = "Networks" if several else "Network", f"{recipe.pixels.size}×{recipe.pixels.size}"
    lines = [
        f"{kind}: {recipe.model.name}, {spec.parameters:,} parameters; grey films{_cropped(recipe)} of "
        f"{size} pixels,",
        "and what each is shown of them stands below." if several else f"of which it is shown {_shown(recipe)}.",
        f"{_calibration(spec)}; they are",
        f"meant for a clinic {_clinic(spec.recipes)}.",
    ]
    return "\n".join([*lines, "", *_fused(spec)] if several else lines)


def _system(spec: Spec) -> str:
    """What computes the probabilities where no network does."""
    recipe = spec.recipe
    assert recipe.classical is not None
    steps = f", prepared ({', '.join(recipe.classical.steps)})" if recipe.classical.steps else ""
    lines = [
        f"System without a network: {recipe.system}; {spec.parameters:,} numbers in `{PIPELINE_NAME}`;",
        f"grey films{_cropped(recipe)} of {recipe.pixels.size}×{recipe.pixels.size} pixels{steps}.",
        f"{_calibration(spec)}; they are",
        f"meant for a clinic {_clinic(spec.recipes)}.",
    ]
    kept = recipe.classical.kept_films
    return "\n".join([*lines, "", kept] if kept else lines)


def _cropped(recipe: Recipe) -> str:
    """Whether a film is cropped before it is scaled."""
    return " cropped to the lungs" if recipe.pixels.region == "lungs" else ""


def _lungs(spec: Spec) -> str:
    """What finds the lungs that films are cropped to, where that comes from, and what it is not for."""
    pixels = spec.recipe.pixels
    if pixels.region != "lungs":
        return ""
    return f"""
## How the lungs are found

Each film is cropped to its lungs, with {pixels.margin:.0%} of their height and width around them, by a small
network of its own (`lungs.onnx`, SHA-256 `{pixels.lungs_sha256[:16]}`). {LUNGS_LEARNT_FROM}
{LUNGS_NOT_FOR} Where it finds no lungs, or a film lies on its side, the film gets no answer.
"""


def _gate(gated: bool) -> str:
    """What it does with a picture that it was not made for."""
    if gated:
        return (
            "A gate (`gate.json`) flags a film\nthat does not look like those that it was trained on, with a reason; "
            "its probability is then not to be relied on."
        )
    return "It answers them all the same: a probability\nis no proof that the film was one."


def _calibration(spec: Spec) -> str:
    """Whether its probabilities were corrected, and by what."""
    if spec.calibration.method == "none":
        return "Its probabilities are not corrected after training (calibration: none)"
    return (
        f"Its probabilities are corrected after training (calibration: {spec.calibration.method}, chosen on\n"
        f"{spec.calibration.chosen_on})"
    )


def _shown(recipe: Recipe) -> str:
    """What of a film a network is shown."""
    if not recipe.batches.crop:
        return "the whole film" + (" and its mirror image" if recipe.bundle.flips else "")
    sides = _listed([str(side) for side in recipe.prediction_sides], mark="")
    mirror = ", and in its mirror image" if recipe.bundle.flips else ""
    return f"crops of {recipe.side} pixels all over the film scaled to {sides}{mirror}"


def _clinic(recipes: Sequence[Recipe]) -> str:
    """How frequent the classes are where the probabilities hold."""
    balanced = {
        recipe.training.class_weights == "balanced" or recipe.training.logit_adjustment == 1 for recipe in recipes
    }
    equally, as_there = "in which the classes are equally frequent", "in which they are as frequent as in its data"
    if len(balanced) > 1:
        return f"between one {equally} and one {as_there}: its networks differ"
    return equally if balanced == {True} else as_there


def _fused(spec: Spec) -> list[str]:
    """Which bundles were fused, as the lines of a table."""
    lines = [
        "Its probability is the mean of its networks' probabilities, weighted by their shares:",
        "",
        "| share | bundle | network | is shown | data fingerprint | seal |",
        "|---|---|---|---|---|---|",
    ]
    for member in spec.members:
        cells = [f"{member.share:.4f}", markdown(member.recipe.name), member.recipe.model.name, _shown(member.recipe)]
        cells += [f"`{digest[:16]}`" for digest in (member.data_fingerprint, member.seal)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _whose(spec: Spec) -> str:
    """Whose films it was validated on."""
    if any(each.rung for each in spec.adapted):
        return "On the films that it was adapted on; where weights were fitted, each film without its patient"
    if spec.out_of_fold:
        return (
            "Each film was predicted by the one network that was trained on none of its patient's films; the\n"
            "networks together were validated on no film, and are rather better than this"
        )
    others = [each.recipe.name for each in spec.members if each.data_fingerprint != spec.data_fingerprint]
    if not others:
        return "Other patients than those it was trained on, but of the same hospital"
    return (
        f"Of {_listed(others)} it is not known whether these films are among those that it was trained on (its data\n"
        "fingerprint differs); where they are, every figure here is too good"
    )


def _listed(names: Sequence[str], mark: str = "`") -> str:
    *most, last = (f"{mark}{printable(name)}{mark}" for name in names)
    return f"{', '.join(most)} and {last}" if most else last


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
            lines.append(f"| {markdown(name)} | {' | '.join(figures)} |")
    return "\n".join([*lines, *_without_lungs(spec)])


def _without_lungs(spec: Spec) -> list[str]:
    """What taking the lungs away does to it, where that was measured."""
    sentences = [
        f"{left}, its AUROC is {spec.metrics[name]}." for name, left in _CONTROLS.items() if name in spec.metrics
    ]
    chance = "At 0.5 such films tell it nothing; the farther from it, the more comes from elsewhere than the lungs."
    return ["", *sentences, chance] if sentences else []


def _patients(part: SplitCard) -> str:
    return str(part.patients) if part.patients else "not known"
