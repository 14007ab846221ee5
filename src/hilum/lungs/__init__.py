"""Where the lungs of a chest film are, by a small network; without torch.

lungs = find_lungs(film)
"""

from hilum.lungs.finder import LungFinder, find_lungs, shipped_finder
from hilum.lungs.found import WHOLE, Box, Lungs, hull_of

__all__ = ["WHOLE", "Box", "LungFinder", "Lungs", "find_lungs", "hull_of", "shipped_finder"]
