"""What the store holds of nodes in a hospital's network: films on their way, results to be sent, who is alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

FilmState = Literal[
    "received",  # it waits for its answer
    "answered",  # its report is still to be made
    "reported",  # its report is still to be sent
    "sent",  # every destination has accepted its report
    "refused",  # a destination has refused its report for good
    "shadow",  # its report was made, and lies where it can be read
    "left alone",  # it is no film that this node answers
    "ignored",  # a node's own result that came back
    "quarantined",  # another film has the same SOP Instance UID
    "failed",  # no report could be made of it
    "erased",  # it was to be erased; its files go next
]
FILM_STATES: tuple[FilmState, ...] = FilmState.__args__  # type: ignore[attr-defined]
WORKFLOW_DIGITS = 12  # of a workflow's id, by which logs and pages name a film
UNFINISHED: tuple[FilmState, ...] = ("received", "answered", "reported")
SendingState = Literal["waiting", "sent", "refused", "shadow"]


@dataclass(frozen=True, slots=True)
class NewNodeFilm:
    """A film that a node was sent.

    Attributes:
        workflow_id: 64 hexadecimal digits, by which it is found.
        instance: the pseudonymous key of its SOP Instance UID; empty where it has none.
        study: likewise of its study.
        pixels: the SHA-256 of its pixel data, in hexadecimal; empty where it has none.
        seal: of the bundle that is to answer it.
        operating_point: likewise.
        node: that received it.
        source: a calling AE title, or the name of a source.
        file: the film's file in the node's folder.
        state: `received`, `left alone` or `ignored`.
        why: it is left alone or ignored.
    """

    workflow_id: str
    instance: str
    study: str
    pixels: str
    seal: str
    operating_point: str
    node: str
    source: str
    file: str
    state: FilmState = "received"
    why: str = ""


@dataclass(frozen=True, slots=True)
class NodeFilm:
    """A film that a node was sent, and how far it is.

    Attributes:
        workflow_id: 64 hexadecimal digits, by which it is found.
        instance: the pseudonymous key of its SOP Instance UID; empty where it has none.
        study: likewise of its study.
        pixels: the SHA-256 of its pixel data, in hexadecimal; empty where it has none.
        seal: of the bundle that has answered it, or is to.
        operating_point: likewise.
        node: that received it.
        source: a calling AE title, or the name of a source.
        file: the film's file in the node's folder; empty where it is gone.
        state: how far it is.
        why: it is left alone, ignored, quarantined, refused or failed; empty where nothing is wrong.
        received: when, in UTC.
        changed: when its state changed.
        answered: when its answer was stored, which dates its results; None before that.
        place: its place in the order of the answers, from 1; 0 before that.
        prediction: the id of its prediction; empty where it has none.
        shown: where on the film the answer was looked for, as JSON.
        earlier: films of the same study that were answered before it, by their workflow ids.
        report: the SOP Instance UID of its report; empty before there is one.
        capture: likewise of its picture.
        undrawn: why its picture could not be drawn; empty where it was, or is still to be.
    """

    workflow_id: str
    instance: str
    study: str
    pixels: str
    seal: str
    operating_point: str
    node: str
    source: str
    file: str
    state: FilmState
    why: str
    received: datetime
    changed: datetime
    answered: datetime | None
    place: int
    prediction: str
    shown: str
    earlier: tuple[str, ...]
    report: str
    capture: str
    undrawn: str


@dataclass(frozen=True, slots=True)
class ReceivedFilm:
    """What became of a film that was sent.

    Attributes:
        film: its row; of a film that was sent before, that one's.
        is_new: whether it is a film that was not sent before, or one that begins anew.
        replaced: the file that the row named before it began anew; empty where there was none.
    """

    film: NodeFilm
    is_new: bool
    replaced: str = ""


@dataclass(frozen=True, slots=True)
class NodeSending:
    """A result on its way to a destination.

    Attributes:
        workflow_id: of its film.
        kind: `report` or `capture`.
        destination: its name.
        state: how far it is.
        why: the destination refused it, with the status; empty where it did not.
        tries: that were refused.
        changed: when its state changed, in UTC.
    """

    workflow_id: str
    kind: Literal["report", "capture"]
    destination: str
    state: SendingState
    why: str
    tries: int
    changed: datetime


@dataclass(frozen=True, slots=True)
class NodeDestination:
    """How a destination does.

    Attributes:
        name: of the destination.
        down_since: since when it cannot be reached, in UTC; None while it can.
        down_why: what it says, or what does not work; empty while it can.
        last_accepted: when it accepted a result; None where it never did.
        last_refused: when it refused one; None where it never did.
        refusal: how, with the status.
    """

    name: str
    down_since: datetime | None
    down_why: str
    last_accepted: datetime | None
    last_refused: datetime | None
    refusal: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """That a node was alive.

    Attributes:
        node: its name.
        beats: a number that grows while it is alive, whatever the clocks say.
        started: when it was started last, in UTC.
        changed: when the number grew, by that node's clock.
        alarm: what is wrong with its backlog, in words; empty where nothing is.
    """

    node: str
    beats: int
    started: datetime
    changed: datetime
    alarm: str


@dataclass(frozen=True, slots=True)
class FilmReason:
    """Why some films have no report that was sent.

    Attributes:
        state: of them all.
        why: in words; empty where nothing was said.
        films: how many.
    """

    state: FilmState
    why: str
    films: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """The films that wait for their answer.

    Attributes:
        films: how many.
        oldest: when the first of them was received, in UTC; None where none waits.
    """

    films: int
    oldest: datetime | None
