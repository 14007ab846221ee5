"""A detector for a hospital that it has not seen: what of it is fitted there, and whether that is better.

What may be fitted is a `Candidate`; `choose` takes one by cross-validation over patients, and `cross_validate` says
what the whole procedure is worth on films that it has not seen. `hilum.adaptation.networks`, which fits networks,
needs torch.
"""

from hilum.adaptation.candidate import INNER_FOLDS, OUTER_FOLDS, Candidate, Fitted, LabelledFilms, Unchanged
from hilum.adaptation.choice import Choice, choose
from hilum.adaptation.held_out import HeldOut, cross_validate

__all__ = [
    "INNER_FOLDS",
    "OUTER_FOLDS",
    "Candidate",
    "Choice",
    "Fitted",
    "HeldOut",
    "LabelledFilms",
    "Unchanged",
    "choose",
    "cross_validate",
]
