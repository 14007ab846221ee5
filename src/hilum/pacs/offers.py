"""Which objects, in which transfer syntaxes, are taken from the network."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from pynetdicom import ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context

from hilum.pixels.dicom.frame import SYNTAXES

VERIFICATION = "1.2.840.10008.1.1"
# What may be a film (PS3.4, table B.5-1): only as what `hilum predict` decodes.
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_X_RAY = ("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1")  # for presentation, for processing
_FLUOROSCOPY = "1.2.840.10008.5.1.4.1.1.12.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
RADIOGRAPHS = frozenset((COMPUTED_RADIOGRAPHY, *DIGITAL_X_RAY))
_FILMS = RADIOGRAPHS | {_FLUOROSCOPY, _SECONDARY_CAPTURE}
_PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")


def offers(proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
    """What is taken of what a caller proposes.

    Every storage class that pynetdicom knows is taken, not films alone: a PACS that forwards whole studies is to see
    no failures, and what is not for us is counted and left alone.

    Args:
        proposed: its presentation contexts.

    Returns:
        A presentation context for each class that is taken, its transfer syntaxes in the caller's order: it names
        first what its object is in, and may not be able to change that.
    """
    wanted: dict[str, list[str]] = {}
    for context in proposed:
        wanted.setdefault(str(context.abstract_syntax), []).extend(map(str, context.transfer_syntax or ()))
    taken = []
    for abstract, syntaxes in wanted.items():
        known = _known_syntaxes(abstract)
        # A class that is known, in none of its syntaxes, is offered in one that was not proposed: so the reply says
        # that the syntax is what is wrong (PS3.8, table 9-18).
        both = [syntax for syntax in dict.fromkeys(syntaxes) if syntax in known] or [
            syntax for syntax in _PLAIN if syntax in known and syntax not in syntaxes
        ]
        if both:
            taken.append(build_context(abstract, both))
    return taken


def _known_syntaxes(abstract: str) -> frozenset[str]:
    if abstract == VERIFICATION:
        return frozenset(_PLAIN)
    if abstract in _FILMS:
        return frozenset(SYNTAXES)
    return frozenset(SYNTAXES) | frozenset(ALL_TRANSFER_SYNTAXES) if abstract in _storage_classes() else frozenset()


@functools.cache
def _storage_classes() -> frozenset[str]:
    return frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
