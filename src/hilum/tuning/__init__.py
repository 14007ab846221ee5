"""The search for a recipe's best values: trials are compared on the validation films, and kept in a database.

`hilum.workflows.tune.tune` is the way in; this package runs a study whatever trains its trials.
"""

from hilum.tuning.claims import trial_folder
from hilum.tuning.space import Space, read_space, with_values
from hilum.tuning.study import Train, tune
from hilum.tuning.study_page import optimism_note, render
from hilum.tuning.summary import StudyObjective, StudySummary, Trial, ValidationFilms

__all__ = [
    "Space",
    "StudyObjective",
    "StudySummary",
    "Train",
    "Trial",
    "ValidationFilms",
    "optimism_note",
    "read_space",
    "render",
    "trial_folder",
    "tune",
    "with_values",
]
