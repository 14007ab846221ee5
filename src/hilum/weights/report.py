"""The report of loading weights into a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_NAMED = 3  # weights that a message lists


class Reshaped(NamedTuple):
    """A weight that has one shape in the file and another in the network."""

    name: str
    file: tuple[int, ...]
    network: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Which weights were loaded, and which were not, by torchvision's names.

    Attributes:
        source: the file.
        matched: loaded, including those of `folded`.
        missing: in the network but not in the file.
        left_over: in the file but not in the network.
        reshaped: in both, with different shapes.
        folded: first convolutions whose three input channels were added up to one.
        kept: weights of the network that were not to be loaded, such as its head's; they were drawn at random.
        unused: weights of the file that were not to be loaded.
        expects: the `model.normalise` that the file was trained with; "" where that is unknown.
        notes: further remarks for the user.
    """

    source: str
    matched: tuple[str, ...]
    missing: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    reshaped: tuple[Reshaped, ...] = ()
    folded: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    expects: str = ""
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """The report in one line."""
        words = [f"{len(self.matched)} weights from {self.source}"]
        words += [f"{name} folded from three channels to one" for name in self.folded]
        words += [f"{len(self.kept)} of the network as drawn ({some(self.kept)})"] if self.kept else []
        words += [f"{len(self.unused)} of the file not used ({some(self.unused)})"] if self.unused else []
        words += [self.discrepancies()] if self.discrepancies() else []
        words.append(
            f"trained with model.normalise={self.expects}"
            if self.expects
            else "the file does not say which model.normalise it was trained with"
        )
        return "; ".join((*words, *self.notes))

    def discrepancies(self) -> str:
        """What does not match between file and network; empty where everything does."""
        shapes = [
            f"{name} is {_shape(file)} in the file and {_shape(network)} in the network"
            for name, file, network in self.reshaped
        ]
        words = [f"{len(self.missing)} missing in the file ({some(self.missing)})"] if self.missing else []
        words += [f"{len(self.left_over)} left over ({some(self.left_over)})"] if self.left_over else []
        words += [f"{len(shapes)} of another shape ({some(shapes)})"] if shapes else []
        return ", ".join(words)


def some(words: Sequence[str]) -> str:
    """The first few words, as a list."""
    return ", ".join(words[:_NAMED]) + (", …" if len(words) > _NAMED else "")


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a single number"
