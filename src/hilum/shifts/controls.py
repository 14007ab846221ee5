"""Films without the lung: a detector that still tells the classes apart reads something else.

What should be near chance, and by how much it is not, says how much of a detector's figure needs no lung at all:
collimation, markers, the border, the arms (Zech et al., PLoS Medicine 15 (2018): e1002683).
"""

from __future__ import annotations

import numpy as np

from hilum.shifts.grey import Battery, Grey

BORDER = 0.1


def border_only(grey: Grey) -> Grey:
    """The outer tenth of each side alone, the rest as grey as the film's median."""
    rows, columns = (max(1, round(BORDER * side)) for side in grey.shape)
    result = grey.copy()
    result[rows:-rows, columns:-columns] = np.median(grey)
    return result


CONTROLS = Battery("controls-1", {"border_only": border_only})
