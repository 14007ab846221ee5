"""What a bundle says of the films that it was adapted on."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from hilum.records import Figure

Rung = Literal["decisions", "last layer", "whole network"]
RUNGS: tuple[Rung, ...] = get_args(Rung)

IN_WORDS: dict[Rung, str] = {
    "decisions": "its probabilities' correction, threshold and prediction sets",
    "last layer": "its last layer, and with it correction, threshold and prediction sets",
    "whole network": "the whole network, and with it correction, threshold and prediction sets",
}


class GateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a gate that has learnt from a hospital's films too lets pass, on films of patients that were held out.

    Attributes:
        before: share of the films that the gate let pass, with its 95% interval over patients.
        after: share that it lets pass having learnt from the other patients.
        gain: the difference, with its interval.
        pictures_before: share that passed of pictures made of these films that are to be stopped: turned, inverted,
            cut up, noise, text, drawings.
        pictures_after: share of them that passes.
    """

    before: Figure
    after: Figure
    gain: Figure
    pictures_before: float
    pictures_after: float


class Adaptation(Struct, frozen=True, forbid_unknown_fields=True):
    """On which films a detector was adapted, what of it, and what that changed on films that were held out.

    Attributes:
        films: counts by `label` or `label/subtype`.
        patients: how many they are of; 0 where nobody knows.
        rung: what of the detector was fitted to them; None where it was kept, and its gate alone has learnt.
        base: the seal of the detector that was adapted.
        data_fingerprint: as `Spec.data_fingerprint`, of the films it was adapted on.
        before: figures of that detector on these films, with 95% intervals over patients.
        after: figures of the adapted one, each film predicted by what was fitted without its patient.
        gain: by how much the Brier score became lower, with the interval of the paired difference.
        worst_class_gain: by how much the share of right answers rose in the class that has fewest, likewise; it
            decided where the Brier score did not. None in a record of before it was measured.
        gate: what the gate that has learnt from them lets pass; None where the gate was kept.
    """

    films: dict[str, int]
    patients: int
    rung: Rung | None
    base: str
    data_fingerprint: str
    before: dict[str, Figure]
    after: dict[str, Figure]
    gain: Figure
    worst_class_gain: Figure | None = None
    gate: GateChange | None = None
