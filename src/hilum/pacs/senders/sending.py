"""A destination as the settings name it, opened."""

from __future__ import annotations

from hilum.pacs.senders.c_store import CStoreSender
from hilum.pacs.senders.outcomes import Refused, Sender, Unreachable
from hilum.pacs.senders.stow import StowSender
from hilum.pacs.settings import Destination

__all__ = ["Refused", "Sender", "Unreachable", "open_sender"]


def open_sender(destination: Destination) -> Sender:
    """Make ready to send to a destination; it is connected to by the first result.

    Raises:
        RequestError: a certificate, a key or a password cannot be read, or the address is none.
    """
    return CStoreSender(destination) if destination.kind == "c-store" else StowSender(destination)
