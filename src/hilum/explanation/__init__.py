"""Why a network predicts what it predicts for a film, and how far that explanation can be trusted.

Needs torch and captum. `hilum.explain` is the way in; this package holds its parts:

    maps = explanation.attribute(model, films, "gradcam", target=1)      # signed, (n, size, size)
    found = explanation.explain_film(model, detector.probs, films[0], "gradcam", target=1)
    found.inside, found.lung_share                   # the share of the map inside the lungs, and what chance gives
"""

from hilum.explanation.attribution import METHODS, Method, attribute
from hilum.explanation.explanation import Explanation, explain_film, heat_maps
from hilum.explanation.explanation_files import explanation_json, write_explanations, write_picture
from hilum.explanation.explanation_record import ExplanationRecord
from hilum.explanation.explanations import ExplainedFilm, Explanations
from hilum.explanation.faithfulness import FaithfulnessCurve, PredictProbs, deletion, insertion, share_inside
from hilum.explanation.overlay import overlay, side_by_side
from hilum.explanation.randomisation import RandomisedPart, randomise, rank_correlation

__all__ = [
    "METHODS",
    "ExplainedFilm",
    "Explanation",
    "ExplanationRecord",
    "Explanations",
    "FaithfulnessCurve",
    "Method",
    "PredictProbs",
    "RandomisedPart",
    "attribute",
    "deletion",
    "explain_film",
    "explanation_json",
    "heat_maps",
    "insertion",
    "overlay",
    "randomise",
    "rank_correlation",
    "share_inside",
    "side_by_side",
    "write_explanations",
    "write_picture",
]
