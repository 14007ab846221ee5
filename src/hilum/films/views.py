"""The projection of a film, as tables and DICOM write it."""

from __future__ import annotations

import re

_LATERAL = frozenset(
    {"L", "LL", "RL", "LAT", "LATERAL", "LEFT LATERAL", "RIGHT LATERAL", "LLAT", "RLAT", "XTABLE LATERAL"}
)
_FRONTAL = re.compile(r"(AP|PA)\b|FRONTAL|ANTERO ?-?POSTERIOR|POSTERO ?-?ANTERIOR")


def plain_view(view: str) -> str:
    """A view in capitals, without underscores.

    >>> plain_view(" ap_horizontal ")
    'AP HORIZONTAL'
    """
    return re.sub(r"[\s_]+", " ", view).strip().upper()


def is_lateral(view: str) -> bool:
    """Whether a view is plainly one from the side; an empty one is not."""
    return plain_view(view) in _LATERAL


def is_frontal(view: str) -> bool:
    """Whether a view is plainly one from the front or the back; an empty one is not.

    >>> is_frontal("AP_horizontal"), is_frontal("LATERAL"), is_frontal("")
    (True, False, False)
    """
    return _FRONTAL.match(plain_view(view)) is not None
