"""Systems without a deep network: a film prepared, described by numbers, reduced and classified; no torch."""

from hilum.classical.description_store import describe_films
from hilum.classical.features.describe import Described, describe
from hilum.classical.features.prepare import Prepared, Stage, prepare
from hilum.classical.features.steps_picture import steps_picture
from hilum.classical.system import System, load

__all__ = [
    "Described",
    "Prepared",
    "Stage",
    "System",
    "describe",
    "describe_films",
    "load",
    "prepare",
    "steps_picture",
]
