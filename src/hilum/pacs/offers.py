"""Which objects, in which transfer syntaxes, are taken from the network."""

from __future__ import annotations

import functools

from hilum.pacs.pdus import NO_SUCH_CLASS, NO_SUCH_SYNTAX, TAKEN, Proposed
from hilum.pixels.dicom.frame import SYNTAXES

VERIFICATION = "1.2.840.10008.1.1"
# What may be a film (PS3.4, table B.5-1): only as what `hilum predict` decodes.
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_X_RAY = ("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1")  # for presentation, for processing
_FLUOROSCOPY = "1.2.840.10008.5.1.4.1.1.12.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
RADIOGRAPHS = frozenset((COMPUTED_RADIOGRAPHY, *DIGITAL_X_RAY))
_FILMS = RADIOGRAPHS | {_FLUOROSCOPY, _SECONDARY_CAPTURE}
# Below this arc the standard registers the objects of patients that are stored, those too that are newer than this
# program (PS3.6, table A-1); and below two arcs within it protocols and inventories with their queries.
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_NO_PATIENTS = (f"{_STORAGE}200.", f"{_STORAGE}201.")
_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1")


def choose(proposed: Proposed) -> tuple[int, str]:
    """Whether a presentation context is taken, and in which of its transfer syntaxes.

    The first one that we know: a caller names first what its object is in, and may not be able to change that.
    Every other storage class of the standard is taken too: a PACS that forwards whole studies is to see no failures,
    and what is not for us is counted and left alone.

    Returns:
        The result (PS3.8, table 9-18), and the transfer syntax; of what is not taken the first one.
    """
    if proposed.abstract == VERIFICATION:
        known: frozenset[str] = frozenset(_UNCOMPRESSED)
    elif proposed.abstract in _FILMS:
        known = frozenset(SYNTAXES)
    elif proposed.abstract.startswith(_STORAGE) and not proposed.abstract.startswith(_NO_PATIENTS):
        known = frozenset(SYNTAXES) | _all_syntaxes()
    else:
        return NO_SUCH_CLASS, proposed.syntaxes[0]
    chosen = next((syntax for syntax in proposed.syntaxes if syntax in known), "")
    return (TAKEN, chosen) if chosen else (NO_SUCH_SYNTAX, proposed.syntaxes[0])


@functools.cache
def _all_syntaxes() -> frozenset[str]:
    from pydicom.uid import AllTransferSyntaxes

    return frozenset(AllTransferSyntaxes)
