"""An audit as `audit.json` holds it; these structs are its schema."""

from __future__ import annotations

from msgspec import Struct

from hilum.auditing.composition import FileCounts, SplitCounts
from hilum.auditing.finding import Finding
from hilum.auditing.shortcut import Probe
from hilum.auditing.stamps import Stamp


class UnreadableRecord(Struct, frozen=True):
    """A film that could not be read.

    Attributes:
        path: the film.
        error: why it could not be read, and how to fix that.
    """

    path: str
    error: str


class PairRecord(Struct, frozen=True):
    """Two films that look alike.

    Attributes:
        one: the path of the earlier film.
        other: the path of the later film.
        likeness: the correlation of the two once they are aligned, up to 1.
        mirrored: whether one is the mirror image of the other.
        same: whether they are one exposure; if not, they may be two of one patient.
    """

    one: str
    other: str
    likeness: float
    mirrored: bool
    same: bool


class SuspectRecord(Struct, frozen=True):
    """A film whose label may be wrong.

    Attributes:
        path: the film.
        patient: its patient; empty if unknown.
        given: its label.
        likely: the label that its probabilities speak for.
        prob: the probability of its label, 0 to 1.
    """

    path: str
    patient: str
    given: str
    likely: str
    prob: float


class AuditRecord(Struct, frozen=True):
    """What `audit.json` holds; films are given by path.

    Attributes:
        folder: the folder that holds all films; empty if there is none.
        films: the number of films.
        read: the number of films that could be read.
        findings: what was found, worst first.
        not_checked: what could not be checked on these films, and why.
        counts: films, patients and classes by split; `none` for films without a split.
        files: encodings, depths and sizes; an empty object in the file if no film could be read.
        unreadable: the films that could not be read.
        duplicates: groups of films with the same bytes.
        alike: pairs of films that look alike.
        stamps: marks on the films of one class.
        probes: how well facts that are not lung tell the classes apart, by probe; null if no such fact varies.
        suspects: films whose label may be wrong, the most suspicious first.
    """

    folder: str
    films: int
    read: int
    findings: tuple[Finding, ...]
    not_checked: dict[str, str]
    counts: dict[str, SplitCounts]
    files: FileCounts | None
    unreadable: tuple[UnreadableRecord, ...]
    duplicates: tuple[tuple[str, ...], ...]
    alike: tuple[PairRecord, ...]
    stamps: tuple[Stamp, ...]
    probes: dict[str, Probe | None]
    suspects: tuple[SuspectRecord, ...]
