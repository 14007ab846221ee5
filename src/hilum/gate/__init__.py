"""Whether a picture is of the kind that a detector learnt from: asked of the film itself, whatever the network.

    fitted = gate.fit_gate(squares, patients, seed=1)     # beside training, on the films that were learnt from
    verdicts = gate.judge(fitted, squares)                # scores, which passed, and why the others did not

Fitting and judging need numpy and OpenCV, take the squares that `hilum.pixels.preprocess` gives at any size, and look
at no network: measured on the shipped one, its own features told strangers apart less well than the film does.
"""

from hilum.gate.fit import fit_gate
from hilum.gate.judge import Reason, Verdicts, judge
from hilum.gate.record import Gate, read_gate, write_gate
from hilum.gate.strangers import strangers

__all__ = ["Gate", "Reason", "Verdicts", "fit_gate", "judge", "read_gate", "strangers", "write_gate"]
