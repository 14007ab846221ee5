"""The search for a recipe's best values: trials, judged on the validation films, kept in a database and on a page."""

from hilum.tuning.claims import trial_folder
from hilum.tuning.space import Space, read_space, with_values
from hilum.tuning.study import Train, tune
from hilum.tuning.study_page import headline, optimism, render
from hilum.tuning.summary import Objective, StudySummary, Trial, ValidationFilms

__all__ = [
    "Objective",
    "Space",
    "StudySummary",
    "Train",
    "Trial",
    "ValidationFilms",
    "headline",
    "optimism",
    "read_space",
    "render",
    "trial_folder",
    "tune",
    "with_values",
]
