"""The table of a recipe for a system without a deep network: `[classical]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Step = Literal["denoise", "smooth", "binarise", "frame", "restore", "mask"]
Family = Literal["grey", "texture", "shape", "layout"]
Reduction = Literal["templates", "pca", "lda", "kernel-pca", "isomap"]
_CLASSIFIERS = {
    "logistic": "logistic regression",
    "svm": "support vector machine",
    "forest": "random forest",
    "boosting": "gradient boosting",
    "genetic": "genetic network",
}
Count = Annotated[int, Meta(ge=1)]


class Templates(Struct, frozen=True, forbid_unknown_fields=True):
    """How films are compared with templates of each class, for `reduce = ["templates"]`.

    Attributes:
        kind: `mean` averages the films of a class; `medoids` takes films that represent the others of their class;
            `both` uses both kinds.
        per_class: Number of medoids of each class.
        scales: Sides, as fractions of the film's, at which film and template are compared.
        reach: Largest shift of a template over the film to its best match, as a fraction of the side.
    """

    kind: Literal["mean", "medoids", "both"] = "both"
    per_class: Count = 4
    scales: tuple[Annotated[float, Meta(gt=0, le=1)], ...] = (1.0, 0.5)
    reach: Annotated[float, Meta(ge=0, le=0.25)] = 0.08


class Genetic(Struct, frozen=True, forbid_unknown_fields=True):
    """A genetic algorithm that evolves a small network's inputs and initial weights, for `classifier = "genetic"`.

    Attributes:
        hidden: Number of units of the network's one hidden layer.
        population: Number of individuals in a generation.
        generations: Number of generations after the first; 0 keeps inputs and weights as they are drawn.
        crossover: Probability that two parents are crossed.
        mutation: Probability that an offspring is mutated.
        epochs: Number of epochs of back-propagation after the last generation.
    """

    hidden: Count = 16
    population: Annotated[int, Meta(ge=4)] = 40
    generations: Annotated[int, Meta(ge=0)] = 25
    crossover: Annotated[float, Meta(ge=0, le=1)] = 0.7
    mutation: Annotated[float, Meta(ge=0, le=1)] = 0.3
    epochs: Count = 200


class Classical(Struct, frozen=True, forbid_unknown_fields=True):
    """A system without a deep network, which prepares a film, extracts features, reduces them and classifies.

    Attributes:
        steps: Preparation of the square that `[pixels]` makes of a film, in this order: `denoise` (non-local means),
            `smooth` (a Gaussian), `binarise` (what lies outside the body becomes black), `frame` (the box around both
            lungs becomes the square), `restore` (Wiener's filter), `mask` (what lies outside the hull of both lungs
            becomes one grey).
        describe: Features of the prepared film: its `grey` values, or hand-made `features`.
        side: Side, in pixels, of the prepared film whose grey values are used.
        families: Kinds of hand-made features.
        select: Feature selection. `none` keeps all; `mutual-information` keeps those with the most information about
            the class, each by itself; `recursive` repeatedly drops the least useful ones; `l1` keeps those that a
            sparse linear model uses.
        selected: Number of features that are kept; of several numbers, the best by cross-validation is taken. `l1`
            finds its own number.
        reduce: Dimensionality reductions, applied one after the other.
        components: Number of components of each reduction; `templates` and `lda` have their own (write 0).
        classifier: `logistic` regression, a support vector machine (`svm`, with a Gaussian kernel), a random
            `forest`, gradient `boosting`, or a network whose initial weights a `genetic` algorithm evolves.
        strengths: Values of the classifier's main parameter, of which the best by cross-validation is taken: the
            inverse of the regularisation for `logistic`, `svm` and `genetic`, the smallest fraction of the films in a
            leaf for `forest`, the learning rate for `boosting`.
        folds: Number of folds of the nested cross-validation by patient, of the outer and of the inner one; with
            fewer than 2 nothing is compared, and the first number and value are taken.
        templates: How films are compared with templates.
        genetic: How the genetic algorithm works.
    """

    steps: tuple[Step, ...] = ()
    describe: Literal["grey", "features"] = "grey"
    side: Annotated[int, Meta(ge=8, le=256)] = 48
    families: tuple[Family, ...] = ("grey", "texture", "shape", "layout")
    select: Literal["none", "mutual-information", "recursive", "l1"] = "none"
    selected: tuple[Count, ...] = (64,)
    reduce: tuple[Reduction, ...] = ()
    components: tuple[Annotated[int, Meta(ge=0)], ...] = ()
    classifier: Literal["logistic", "svm", "forest", "boosting", "genetic"] = "logistic"
    strengths: tuple[Annotated[float, Meta(gt=0)], ...] = (1.0,)
    folds: Annotated[int, Meta(ge=0, le=20)] = 5
    templates: Templates = Templates()
    genetic: Genetic = Genetic()

    def __post_init__(self) -> None:
        if len(self.components) != len(self.reduce):
            raise ValueError(
                f"components has {len(self.components)} counts and reduce {len(self.reduce)} reductions: "
                "give each its own, 0 for templates and lda"
            )
        for reduction, count in zip(self.reduce, self.components, strict=True):
            if (reduction in ("templates", "lda")) != (count == 0):
                raise ValueError(
                    f"components: {count} for {reduction}; templates and lda take 0, the others 1 or more"
                )
        if "templates" in self.reduce and (
            self.describe != "grey" or self.reduce[0] != "templates" or self.select != "none"
        ):
            raise ValueError(
                "templates are laid over grey values: describe by grey, select none, and reduce by them first"
            )
        for name in ("steps", "families", "selected", "strengths"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names something twice: {', '.join(map(str, values))}")
        for name in ("families", "selected", "strengths"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty: name one at least")

    @property
    def uses_lungs(self) -> bool:
        """Whether the numbers that describe a film depend on where its lungs are.

        >>> Classical().uses_lungs, Classical(steps=("mask",)).uses_lungs, Classical(describe="features").uses_lungs
        (False, True, True)
        """
        of_features = self.describe == "features" and bool({"texture", "shape"} & set(self.families))
        return bool({"frame", "mask"} & set(self.steps)) or of_features

    @property
    def stages(self) -> str:
        """What is done with a film, in words."""
        described = f"{self.side}-pixel films" if self.describe == "grey" else "hand-made features"
        selected = [] if self.select == "none" else [self.select.replace("-", " ")]
        return ", ".join([described, *selected, *self.reduce, _CLASSIFIERS[self.classifier]])

    @property
    def kept_films(self) -> str:
        """What of patients' films lies in such a system's bundle, for whoever passes it on; empty where none does."""
        if "templates" in self.reduce and self.templates.kind != "mean":
            return (
                f"It holds films of patients as templates: {self.templates.per_class} of each class, "
                f"{self.side}×{self.side} pixels."
            )
        if self.describe == "grey" and ({"kernel-pca", "isomap"} & set(self.reduce) or self.classifier == "svm"):
            return "It holds what films of patients were reduced to; blurred, they can be drawn from that again."
        return ""
