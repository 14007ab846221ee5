"""Films as other machines, operators and archives would have produced them, to test the robustness of detectors.

    grey = ACQUISITION.shifts["shaded"](grey)

Five batteries: `ACQUISITION` (what else becomes of a film, and training never draws), `ELSEWHERE` (what other
hospitals' films show, and no augmentation draws), `FAMILIAR` (kinds that strong augmentation draws), `SEVERITY` (one
change in increasing steps) and `CONTROLS` (films without the lung).
"""

from hilum.shifts.acquisition import ACQUISITION
from hilum.shifts.controls import CONTROLS
from hilum.shifts.drawn import drawn_in_training
from hilum.shifts.elsewhere import ELSEWHERE
from hilum.shifts.familiar import FAMILIAR
from hilum.shifts.grey import Battery, Grey, Shift
from hilum.shifts.severity import LEVELS, SEVERITY

__all__ = [
    "ACQUISITION", "CONTROLS", "ELSEWHERE", "FAMILIAR", "LEVELS", "SEVERITY", "Battery", "Grey", "Shift",
    "drawn_in_training",
]  # fmt: skip
