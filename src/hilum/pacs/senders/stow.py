"""Results sent by STOW-RS (PS3.18 section 10.5), whose answer is read before anything is called sent."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

from msgspec import Struct, field

from hilum.pacs.senders.outcomes import Refused
from hilum.pacs.senders.outgoing import read_meta
from hilum.pacs.senders.statuses import StatusReader
from hilum.pacs.settings import Destination
from hilum.pacs.web import MIB, WebAnswer, WebServer, json_of


class _Text(Struct):
    value: tuple[str, ...] = field(default=(), name="Value")


class _Code(Struct):
    value: tuple[int, ...] = field(default=(), name="Value")


class _Item(Struct):
    """Of a sequence in the answer (PS3.18 table 10.5.3-2), in DICOM JSON (annex F)."""

    instance: _Text = field(default_factory=_Text, name="00081155")
    warning: _Code = field(default_factory=_Code, name="00081196")
    failure: _Code = field(default_factory=_Code, name="00081197")


class _Items(Struct):
    value: tuple[_Item, ...] = field(default=(), name="Value")


class _Stored(Struct):
    taken: _Items = field(default_factory=_Items, name="00081199")  # Referenced SOP Sequence
    failed: _Items = field(default_factory=_Items, name="00081198")  # Failed SOP Sequence
    other: _Items = field(default_factory=_Items, name="0008119A")  # Other Failures Sequence


class StowSender:
    """A destination that takes STOW-RS."""

    def __init__(self, destination: Destination) -> None:
        """Connect to nobody yet.

        Raises:
            RequestError: the URL is none of HTTP; a file cannot be read.
        """
        self._server = WebServer(
            f"destination {destination.name}",
            destination.url,
            user=destination.user,
            password_file=destination.password_file,
            authorities=destination.authorities,
            seconds=destination.seconds,
        )
        self._name = destination.name
        self._places = threading.BoundedSemaphore(destination.connections)
        self._statuses = StatusReader(destination.name)

    @property
    def name(self) -> str:
        """Of the destination."""
        return self._name

    def send(self, path: Path) -> None:
        """Send a DICOM file as it is; that it was taken is said by returning.

        Raises:
            Refused: the answer names it among what failed, does not name it among what was taken, or is a refusal.
            Unreachable: there was no answer that says what became of it.
            RequestError: the file is no DICOM of PS3.10.
            OSError: the file cannot be read.
        """
        instance, film = read_meta(path).instance, path.read_bytes()
        boundary = uuid.uuid4().hex  # 122 random bits do not occur in the file
        body = b"".join(
            (
                f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(),
                film,
                f"\r\n--{boundary}--\r\n".encode(),
            )
        )
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Accept": "application/dicom+json",
        }
        with self._places:
            answer, content = self._server.ask("/studies", content=body, headers=headers, limit=MIB)
        self._look_into(answer, content, instance)

    def check(self) -> None:
        """Ask whether it is there, by a query for one study that nobody has.

        Raises:
            Refused: it answers with an error.
            Unreachable: it does not answer, or does not let this node in.
        """
        query: dict[str, str | int] = {"StudyInstanceUID": "2.25.0", "limit": 1}
        answer, _ = self._server.ask("/studies", query=query, headers={"Accept": "application/dicom+json"})
        if answer.status >= 400:
            raise Refused(f"{self.name} refuses a query ({answer.status})", str(answer.status), may_pass=True)

    def close(self) -> None:
        """End its connections."""
        self._server.close()

    def _look_into(self, answer: WebAnswer, content: bytes, instance: str) -> None:
        """Raise unless the answer says that the instance was taken: 200 alone does not, and 202 may hold failures."""
        stored = json_of(content, _Stored) if answer.kind in ("application/dicom+json", "application/json") else None
        if stored is not None:
            for item in (*stored.failed.value, *stored.other.value):
                code = item.failure.value[0] if item.failure.value else 0x0110
                if instance in item.instance.value or not item.instance.value:
                    self._statuses.require_taken(code)
                    return
            for item in stored.taken.value:
                if instance in item.instance.value and answer.status < 300:
                    self._statuses.require_taken(item.warning.value[0] if item.warning.value else 0)
                    return
        status = answer.status
        if status >= 400:
            raise Refused(f"{self.name} refuses a result ({status})", str(status), may_pass=status in (409, 500, 507))
        raise Refused(
            f"{self.name} answers {status} without saying that it took the result; is url the root of its DICOMweb?",
            str(status),
            may_pass=True,
        )
