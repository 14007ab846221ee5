"""Every architecture that a recipe can name, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from hilum.models.profile import BATCH, PUBLISHED, Profile, Published, profile
from hilum.models.registry import REGISTRY, outputs_for
from hilum.progress import track
from hilum.recipe import Model
from hilum.records import Listing

# The study's networks as it builds them: the films' side, and the last stage that it freezes.
SYSTEMS = (
    ("S1 (s1-cnn, 128 px)", Model(), 128, ""),
    ("S2 (vgg16, 256 px, head s2)", Model("vgg16", channels=3, normalise="vgg", head="s2"), 256, "trunk"),
    ("S3 (resnet50, 224 px)", Model("resnet50", channels=3, normalise="imagenet", output="softmax"), 224, ""),
)
STUDY = "The systems of “Pneumonia Detection using CNN” (2021)"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """An architecture that a recipe can name.

    Attributes:
        name: what `model.name` takes.
        source: where it is described: a publication with its year, then which of its networks.
        size: the side, in pixels, of the source's input.
        channels: of the source's input.
        outputs: of the source's last layer.
    """

    name: str
    source: str
    size: int
    channels: int
    outputs: int

    def cells(self) -> dict[str, str]:
        """The architecture's line in a table."""
        return {"model": self.name, "px": str(self.size), "channels": str(self.channels), "source": self.source}


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What an architecture costs with a given input and head.

    Attributes:
        name: of the architecture, or of the study's system.
        source: as for `ModelInfo`.
        input: channels, height and width.
        outputs: logits for each film.
        head: as `model.head`.
        profile: parameters, multiply-adds, receptive field and memory.
        published: what the source prints about it; None where it prints nothing, or the network is another one.
    """

    name: str
    source: str
    input: tuple[int, int, int]
    outputs: int
    head: str
    profile: Profile
    published: Published | None = None

    def to_dict(self) -> dict[str, object]:
        """One flat record, as `hilum models --json` prints it."""
        return {
            "name": self.name,
            "source": self.source,
            "input": list(self.input),
            "outputs": self.outputs,
            "head": self.head,
            **asdict(self.profile),
            "step_films": BATCH,
            "published": self.published._asdict() if self.published else {},
        }


def list_models() -> Listing[ModelInfo]:
    """The architectures that a recipe's `model.name` can take.

    >>> "vgg16" in [model.name for model in list_models()]
    True
    """
    return Listing(
        ModelInfo(each.name, each.source, each.input_size, each.channels, each.outputs) for each in REGISTRY.values()
    )


def profile_models(
    size: int | None = None,
    channels: Literal[1, 3] | None = None,
    outputs: int | None = None,
    head: Literal["default", "s2", "linear"] = "default",
) -> Iterator[ModelProfile]:
    """Work out what every architecture costs: first the study's systems, then the registry. It takes seconds.

    Without arguments each architecture is as its source gives it, and papers' figures stand beside it.

    Args:
        size: the films' side in pixels.
        channels: of the first convolution.
        outputs: logits for each film.
        head: as `model.head`.

    Raises:
        RecipeError: an architecture cannot take films of that size.
    """
    for name, spec, side, frozen in SYSTEMS:
        yield _profile(name, STUDY, spec, side, 2, frozen)
    as_published = (size, channels, outputs, head) == (None, None, None, "default")
    for name, architecture in track(REGISTRY.items(), "models", len(REGISTRY)):
        spec = Model(name, channels or architecture.channels, head=head, output="softmax")
        side, logits = size or architecture.input_size, outputs or architecture.outputs
        published = PUBLISHED.get(name) if as_published else None
        yield _profile(name, architecture.source, spec, side, logits, published=published)


def _profile(
    name: str,
    source: str,
    spec: Model,
    size: int,
    classes: int,
    frozen: str = "",
    published: Published | None = None,
) -> ModelProfile:
    given = (spec.channels, size, size)
    costs = profile(spec, size, classes, frozen)
    return ModelProfile(name, source, given, outputs_for(spec, classes), spec.head, costs, published)
