"""Films as other machines, operators and archives would have produced them, to test the robustness of detectors.

    grey = ACQUISITION.shifts["shaded"](grey)

Five batteries: `ACQUISITION` (what else becomes of a film, and training never draws), `ELSEWHERE` (what other
hospitals' films show, and no augmentation draws), `FAMILIAR` (kinds that strong augmentation draws), `SEVERITY` (one
change in increasing steps) and `CONTROLS` (films without the lung). `BATTERIES` holds by name the three whose films a
detector should read as well as any.
"""

from hilum.shifts.acquisition import ACQUISITION
from hilum.shifts.controls import CONTROLS
from hilum.shifts.drawn import drawn_in_training
from hilum.shifts.elsewhere import ELSEWHERE
from hilum.shifts.familiar import FAMILIAR
from hilum.shifts.grey import Battery, Grey, Shift
from hilum.shifts.severity import LEVELS, SEVERITY
from hilum.shifts.squares import probs_under_shifts

BATTERIES = {battery.name: battery for battery in (ACQUISITION, ELSEWHERE, FAMILIAR)}

__all__ = [
    "ACQUISITION", "BATTERIES", "CONTROLS", "ELSEWHERE", "FAMILIAR", "LEVELS", "SEVERITY", "Battery", "Grey", "Shift",
    "drawn_in_training", "probs_under_shifts",
]  # fmt: skip
