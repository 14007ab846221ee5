"""Why a network says what it says of a film, and how far that answer can be trusted. Needs torch and captum.

maps = explain.attribute(model, films, "gradcam", target=1)      # signed, (n, size, size)
why = explain.explain(model, detector.probs, films[0], "gradcam", target=1)
why.inside, why.lungs.mask.mean()                                # attribution inside the lung field, and chance
"""

from hilum.explanation.attribution import METHODS, Method, attribute
from hilum.explanation.explanation import Explanation, explain, heat_maps
from hilum.explanation.explanation_files import Row, draw, figures_of, write_explanations
from hilum.explanation.faithfulness import Curve, deletion, insertion, share_inside
from hilum.explanation.overlay import overlay, plate
from hilum.explanation.randomisation import RandomisedPart, randomise, rank_correlation

__all__ = [
    "METHODS",
    "Curve",
    "Explanation",
    "Method",
    "RandomisedPart",
    "Row",
    "attribute",
    "deletion",
    "draw",
    "explain",
    "figures_of",
    "heat_maps",
    "insertion",
    "overlay",
    "plate",
    "randomise",
    "rank_correlation",
    "share_inside",
    "write_explanations",
]
