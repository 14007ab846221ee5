"""Films as other machines, operators and archives would have produced them, to test the robustness of detectors.

    grey = ACQUISITION.shifts["shaded"](grey)

Four batteries: `ACQUISITION` (kinds that training never draws), `FAMILIAR` (kinds that strong augmentation draws),
`SEVERITY` (one change in increasing steps) and `CONTROLS` (films without the lung).
"""

from hilum.shifts.acquisition import ACQUISITION, drawn_in_training
from hilum.shifts.controls import CONTROLS
from hilum.shifts.familiar import FAMILIAR
from hilum.shifts.grey import Battery, Grey, Shift
from hilum.shifts.severity import LEVELS, SEVERITY

__all__ = [
    "ACQUISITION", "CONTROLS", "FAMILIAR", "LEVELS", "SEVERITY", "Battery", "Grey", "Shift", "drawn_in_training",
]  # fmt: skip
