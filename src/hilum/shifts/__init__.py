"""Films as other machines, hands and archives would have made them, to judge detectors by.

    grey = ACQUISITION.shifts["shaded"](grey)

Four batteries: `ACQUISITION` (kinds that training never draws), `FAMILIAR` (kinds that strong augmentation draws),
`SEVERITY` (one thing, step by step) and `CONTROLS` (films without the lung).
"""

from hilum.shifts.acquisition import ACQUISITION, drawn_in_training
from hilum.shifts.controls import CONTROLS
from hilum.shifts.familiar import FAMILIAR
from hilum.shifts.grey import Battery, Grey, Shift
from hilum.shifts.severity import LEVELS, SEVERITY

__all__ = [
    "ACQUISITION", "CONTROLS", "FAMILIAR", "LEVELS", "SEVERITY", "Battery", "Grey", "Shift", "drawn_in_training",
]  # fmt: skip
