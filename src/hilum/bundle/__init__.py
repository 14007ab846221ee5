"""A bundle: everything that a prediction needs, in one folder.

Opening, checking and writing bundles needs no torch; `hilum.bundle.network_payload`, which holds networks, does.
"""

from hilum.bundle.deciding import decide
from hilum.bundle.golden import TOLERANCE, check_golden
from hilum.bundle.read import SHIPPED, Bundle, read
from hilum.bundle.spec import Chosen, Member, OperatingPoint, Spec, SplitCard, probabilities

__all__ = [
    "SHIPPED",
    "TOLERANCE",
    "Bundle",
    "Chosen",
    "Member",
    "OperatingPoint",
    "Spec",
    "SplitCard",
    "check_golden",
    "decide",
    "probabilities",
    "read",
]
