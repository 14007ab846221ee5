"""The search for a recipe's best values: trials, judged on the validation films, kept in a database and on a page."""

from hilum.tuning.claims import folder_of
from hilum.tuning.page import optimism, render, verdict
from hilum.tuning.space import Space, lay_over, read_space
from hilum.tuning.study import Train, tune
from hilum.tuning.told import Films, Goal, Told, Trial

__all__ = [
    "Films",
    "Goal",
    "Space",
    "Told",
    "Train",
    "Trial",
    "folder_of",
    "lay_over",
    "optimism",
    "read_space",
    "render",
    "tune",
    "verdict",
]
