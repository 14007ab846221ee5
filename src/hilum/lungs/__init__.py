"""Where the lungs of a chest film are, by a small network; without torch.

lungs = find_lungs(film)
"""

from hilum.lungs.finder import LungFinder, find_lungs, shipped_finder
from hilum.lungs.found import Box, Lungs

__all__ = ["Box", "LungFinder", "Lungs", "find_lungs", "shipped_finder"]
