"""The mean of the probabilities of several networks, or of several views of one film.

Source: Simonyan & Zisserman, ICLR 2015, section 4.4, "ConvNet fusion": the posteriors of several networks are
averaged, which helps because their mistakes differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def log_probabilities(logits: Tensor) -> Tensor:
    """Logarithms of the classes' probabilities, without overflow.

    Args:
        logits: (n, 1), the logit of the second of two classes (sigmoid), or (n, classes) (softmax).

    Returns:
        (n, classes); two classes for one logit.
    """
    if logits.shape[1] == 1:
        # Two logits that differ by the one: a softmax over them is the sigmoid.
        logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
    return functional.log_softmax(logits, dim=1)


def mean_of_probabilities(logits: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Logits whose probabilities are the weighted mean of the given ones' probabilities.

    The sum is computed on logarithms, so that a probability that float32 rounds to 1 keeps its logit.

    Args:
        logits: each (n, 1) or (n, classes), of the same films.
        weights: one for each, above 0, adding up to 1.

    Returns:
        (n, 1) where all have one logit, else the logarithms of the mean probabilities, (n, classes). One tensor of
        logits is returned unchanged.
    """
    if len(logits) == 1:
        return logits[0]
    terms = [log_probabilities(each) + math.log(weight) for each, weight in zip(logits, weights, strict=True)]
    mean = torch.logsumexp(torch.stack(terms), dim=0)
    return mean[:, 1:] - mean[:, :1] if all(each.shape[1] == 1 for each in logits) else mean


class Fused(nn.Module):
    """An ensemble of networks: the weighted mean of their probabilities."""

    def __init__(self, members: Sequence[nn.Module], shares: Sequence[float]) -> None:
        """Combine networks; their parameters are shared, not copied.

        Args:
            members: networks from images (n, 1, size, size) to logits (n, 1) or (n, classes), of the same classes.
            shares: the weight of each member, above 0, adding up to 1.

        Raises:
            ValueError: there is no member, or the shares do not fit.
        """
        super().__init__()
        if not members or len(members) != len(shares):
            raise ValueError(f"{len(members)} networks and {len(shares)} shares: each network needs one")
        if not all(share > 0 for share in shares) or abs(math.fsum(shares) - 1) > 1e-6:
            raise ValueError(f"shares must be above 0 and add up to 1, and are {', '.join(map(str, shares))}")
        self.members = nn.ModuleList(members)
        self.shares = tuple(shares)

    def forward(self, images: Tensor) -> Tensor:
        """(n, 1, size, size) float32 in [0, 1] → logits as `mean_of_probabilities` gives them."""
        return mean_of_probabilities([member(images) for member in self.members], self.shares)

    def extra_repr(self) -> str:
        """The members' shares, for `repr`."""
        return f"shares={self.shares}"
