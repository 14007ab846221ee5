"""How much of one change a detector tolerates: compression, blur, noise, exposure, rotation and resolution in steps.

The other batteries test whether a detector fails; these steps show from where on. Levels range from what nobody would
notice to what a radiographer would reject.
"""

from __future__ import annotations

from functools import partial

from hilum.shifts import graded
from hilum.shifts.grey import Battery

LEVELS = {
    graded.jpeg: (90, 70, 50, 30, 20, 10, 5),
    graded.blur: (0.5, 1, 1.5, 2, 3, 4),
    graded.noise: (0.02, 0.05, 0.1, 0.15, 0.2, 0.3),
    graded.gamma: (0.4, 0.6, 0.8, 1.25, 1.7, 2.5),
    graded.rotation: (-30, -20, -10, 10, 20, 30),
    graded.resolution: (160, 112, 80, 56, 40, 28),
}

SEVERITY = Battery(
    "severity-1",
    {
        f"{change.__name__} {level:g}": partial(change, level=level)
        for change, levels in LEVELS.items()
        for level in levels
    },
)
