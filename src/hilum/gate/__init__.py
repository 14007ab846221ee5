"""Whether a film is like those that a detector was trained on: out-of-distribution detection on the film itself.

    fitted = gate.fit_gate(squares, patients, seed=1)     # on the training films
    result = gate.check_films(fitted, squares)            # scores, which films passed, why the others did not

Fitting and checking need numpy and OpenCV, take the squares that `hilum.pixels.preprocess` gives, of any size, and
use no network: measured on the shipped one, its features separate such examples less well than the film itself does.
"""

from hilum.gate.adults import Adults, shipped_adults
from hilum.gate.ages import reason_with_age
from hilum.gate.check import OF_KIND, GateResult, Reason, check_films, stopping
from hilum.gate.fit import fit_gate
from hilum.gate.gate import Gate, parse_gate, write_gate
from hilum.gate.ood_examples import ood_examples
from hilum.gate.other_pictures import other_picture
from hilum.gate.quality import Fault, fault_of

__all__ = [
    "OF_KIND",
    "Adults",
    "Fault",
    "Gate",
    "GateResult",
    "Reason",
    "check_films",
    "fault_of",
    "fit_gate",
    "ood_examples",
    "other_picture",
    "parse_gate",
    "reason_with_age",
    "shipped_adults",
    "stopping",
    "write_gate",
]
