"""A sender of films as modalities are: it repeats each until it is acknowledged."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydicom import Dataset

from tests.pacs.films import data_set
from tests.pacs.wire import Association, NotAssociatedError, Proposal


@dataclass
class Outgoing:
    """A film to be sent, ready for the wire.

    Attributes:
        sop_class: of it.
        instance: its SOP Instance UID.
        syntax: its transfer syntax.
        data: its data set.
    """

    sop_class: str
    instance: str
    syntax: str
    data: bytes

    @classmethod
    def of(cls, ds: Dataset) -> Outgoing:
        """Of a made film."""
        return cls(str(ds.SOPClassUID), str(ds.SOPInstanceUID), str(ds.file_meta.TransferSyntaxUID), data_set(ds))

    @property
    def proposal(self) -> Proposal:
        """The presentation context that it needs."""
        return self.sop_class, self.syntax


@dataclass
class Sender:
    """Sends films to receivers in turns, over an association that it keeps as long as that lives.

    Attributes:
        ports: of the receivers; may be changed while it sends.
        acknowledged: how often each film was acknowledged, by its UID.
        seconds: how long each acknowledged film took, of the try that was.
        statuses: every status that it was answered with.
    """

    ports: list[int]
    acknowledged: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def send(self, films: Iterable[Outgoing], stop: threading.Event | None = None) -> None:
        """Send films; returns when all are acknowledged, or between two tries when `stop` is set."""
        association: Association | None = None
        turn = 0
        for film in films:
            while not (stop and stop.is_set()):
                try:
                    if association is None or film.proposal not in association.accepted:
                        if association is not None:
                            association.release()
                        association = Association(self.ports[turn % len(self.ports)], [film.proposal], seconds=30)
                    began = time.monotonic()
                    status = association.store(film.sop_class, film.instance, film.syntax, film.data)
                    self.statuses[status] += 1
                    if status == 0:
                        self.acknowledged[film.instance] += 1
                        self.seconds.append(time.monotonic() - began)
                        break
                    time.sleep(0.05)
                except (OSError, NotAssociatedError):
                    if association is not None:
                        association.socket.close()
                    association = None
                    turn += 1
                    time.sleep(0.05)
        if association is not None:
            association.release()
            association.socket.close()


def send_by_several(senders: Sequence[Sender], films: Sequence[Outgoing]) -> None:
    """Divide films among senders, and wait until all are acknowledged."""
    threads = [
        threading.Thread(target=sender.send, args=(films[place :: len(senders)],))
        for place, sender in enumerate(senders)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
