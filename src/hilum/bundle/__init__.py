"""A bundle: everything that a prediction needs, in one folder.

Opening, checking and writing bundles needs no torch; `hilum.bundle.network_payload`, which holds networks, does.
"""

from hilum.bundle.adapted import Adaptation
from hilum.bundle.decisions import ShiftedFilms, check_promise, fit_decisions, with_controls
from hilum.bundle.golden import TOLERANCE, check_golden, parse_golden
from hilum.bundle.pin import SHIPPED_SEAL
from hilum.bundle.read import SHIPPED, Bundle, lung_finder, read, require_network
from hilum.bundle.spec import Decisions, Member, OperatingPoint, Spec, SplitCard, probabilities

__all__ = [
    "SHIPPED",
    "SHIPPED_SEAL",
    "TOLERANCE",
    "Adaptation",
    "Bundle",
    "Decisions",
    "Member",
    "OperatingPoint",
    "ShiftedFilms",
    "Spec",
    "SplitCard",
    "check_golden",
    "check_promise",
    "fit_decisions",
    "lung_finder",
    "parse_golden",
    "probabilities",
    "read",
    "require_network",
    "with_controls",
]
