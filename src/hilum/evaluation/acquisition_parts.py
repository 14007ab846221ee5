"""What a detector does on films that were taken alike, as types."""

from __future__ import annotations

from msgspec import Struct

from hilum.evaluation.result_parts import PredictionSetsResult, Subgroup


class AcquisitionGroup(Subgroup, frozen=True, kw_only=True):
    """The figures among films that were taken alike, as their pixels tell (`hilum.auditing.acquisition`).

    Attributes:
        described: what sets these films apart from the others, in words.
        sets: what the bundle's prediction sets achieve on them; None where it has none.
    """

    described: str
    sets: PredictionSetsResult | None = None


class AcquisitionResult(Struct, frozen=True, kw_only=True):
    """The films in groups that were taken alike.

    Attributes:
        fewest: films of each class that a group has to hold; a smaller one joins the group that it resembles most.
        groups: by name, the largest first; none where the films do not make two.
        note: why there are no groups, or fewer than were looked for, in a sentence; or empty.
    """

    fewest: int
    groups: dict[str, AcquisitionGroup] = {}
    note: str = ""
