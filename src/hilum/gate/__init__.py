"""Whether a picture is of the kind that a detector learnt from: asked of the film itself, whatever the network.

    fitted = gate.fit_gate(squares, patients, seed=1)     # beside training, on the films that were learnt from
    result = gate.check_films(fitted, squares)                # scores, which passed, and why the others did not

Fitting and judging need numpy and OpenCV, take the squares that `hilum.pixels.preprocess` gives at any size, and look
at no network: measured on the shipped one, its own features told strangers apart less well than the film does.
"""

from hilum.gate.check import GateResult, Reason, check_films
from hilum.gate.fit import fit_gate
from hilum.gate.gate import Gate, read_gate, write_gate
from hilum.gate.ood_examples import ood_examples

__all__ = ["Gate", "GateResult", "Reason", "check_films", "fit_gate", "ood_examples", "read_gate", "write_gate"]
