"""What a bundle says of the films that it was adapted on."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hilum.records import Figure

Rung = Literal["decisions", "last layer", "whole network"]
RUNGS: tuple[Rung, ...] = ("decisions", "last layer", "whole network")

IN_WORDS: dict[Rung, str] = {
    "decisions": "its probabilities' correction, threshold and prediction sets",
    "last layer": "its last layer, and with it correction, threshold and prediction sets",
    "whole network": "the whole network, and with it correction, threshold and prediction sets",
}


class Adaptation(Struct, frozen=True, forbid_unknown_fields=True):
    """On which films a detector was adapted, what of it, and what that changed on films that were held out.

    Attributes:
        films: counts by `label` or `label/subtype`.
        patients: how many they are of; 0 where nobody knows.
        rung: what was fitted to them.
        base: the seal of the detector that was adapted.
        data_fingerprint: as `Spec.data_fingerprint`, of the films it was adapted on.
        before: figures of that detector on these films, with 95% intervals over patients.
        after: figures of the adapted one, each film predicted by what was fitted without its patient.
        gain: by how much the Brier score became lower, with the interval of the paired difference.
    """

    films: dict[str, int]
    patients: int
    rung: Rung
    base: str
    data_fingerprint: str
    before: dict[str, Figure]
    after: dict[str, Figure]
    gain: Figure
