"""Systems without a deep network: a film prepared, described by numbers, reduced and classified; no torch."""

from hilum.classical.describe import Described, describe
from hilum.classical.picture import steps_picture
from hilum.classical.prepare import Prepared, Stage, prepare
from hilum.classical.store import described

__all__ = ["Described", "Prepared", "Stage", "describe", "described", "prepare", "steps_picture"]
