"""A PACS of pynetdicom's that takes what it is told to take, refuses every n-th, and can be down; it keeps the UIDs.

`tests.pacs.recording` stands before a real one instead.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.transport import ThreadedAssociationServer

from tests.ports import free_port

_VERIFICATION = "1.2.840.10008.1.1"
RESULT_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture Image
)


@dataclass
class StrictPacs:
    """The PACS; its behaviour may be changed while it runs.

    Attributes:
        sop_classes: that it accepts.
        syntaxes: transfer syntaxes that it accepts.
        refuse_every: every n-th C-STORE is refused with 0xA700; 0 refuses none.
        seconds: that each C-STORE takes.
        port: of it, the same after every start.
        taken: how often each SOP Instance UID was taken.
        associations: that were asked for so far.
    """

    sop_classes: tuple[str, ...] = RESULT_CLASSES
    syntaxes: tuple[str, ...] = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    refuse_every: int = 0
    seconds: float = 0.0
    port: int = field(default_factory=free_port)
    taken: Counter[str] = field(default_factory=Counter)
    associations: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._entity: ApplicationEntity | None = None
        self._server: ThreadedAssociationServer | None = None

    def start(self) -> None:
        """Listen."""
        entity = AE("PACS")
        entity.add_supported_context(_VERIFICATION)
        for sop_class in self.sop_classes:
            entity.add_supported_context(sop_class, list(self.syntaxes))
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_ESTABLISHED, self._established)]
        self._server = entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        self._entity = entity

    def stop(self) -> None:
        """Go down: associations end where they are, and nobody listens."""
        if self._entity is not None:
            self._entity.shutdown()
        self._entity = self._server = None

    def close_associations(self) -> None:
        """Abort every association, and go on listening."""
        if self._server is not None:
            for association in list(self._server.active_associations):
                association.abort(block=False)

    @property
    def open_associations(self) -> int:
        """How many there are."""
        return len(self._server.active_associations) if self._server is not None else 0

    def _established(self, event: evt.Event) -> None:
        with self._lock:
            self.associations += 1

    def _store(self, event: evt.Event) -> int:
        request = event.request
        assert isinstance(request, C_STORE)
        time.sleep(self.seconds)
        with self._lock:
            self._number += 1
            if self.refuse_every and self._number % self.refuse_every == 0:
                return 0xA700
            self.taken[str(request.AffectedSOPInstanceUID)] += 1
        return 0x0000


@contextmanager
def strict_pacs(**behaviour: Any) -> Iterator[StrictPacs]:
    """A PACS that listens in this block."""
    pacs = StrictPacs(**behaviour)
    pacs.start()
    try:
        yield pacs
    finally:
        pacs.stop()
