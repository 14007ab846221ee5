"""How a service is set up, as the command line or a test says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hilum.answering.reading import ReadingLimits
from hilum.service.uploads import UploadLimits

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "::1")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How a service is set up.

    Attributes:
        bundles: folders of bundles, or `shipped`; the first one answers where a request names none.
        store: a SQLite file or a PostgreSQL URL.
        folder: for films while they arrive; made where it is missing, and emptied when the service starts.
        keep_films: whether films are kept for good.
        keep_hours: how long they are kept otherwise, for the work-list.
        hosts: names that the service answers to (the Host header), without ports; `*.example.org` takes any below.
        origins: that pages of may call the API from a browser (CORS); none unless asked.
        sign_in: whether everybody has to sign in; else whoever reaches it is the user `local`.
        user_header: a header in which a reverse proxy names the person it has signed in; empty takes none.
        secure: whether the cookie is sent over HTTPS only.
        queue_size: requests that are worked on or wait.
        deadline: seconds for a request, once its films have arrived.
        workers: processes that read films; 0 for one a processor.
        uploads: what a request may bring.
        reading: what reading a film may take.
        requests_a_minute: of one user; of one address before it has signed in.
        trusted: a public key, or a folder of them, that bundles have to be signed by; None takes any.
        metrics_public: whether `/metrics` may be read without signing in.
    """

    bundles: tuple[str, ...] = ("shipped",)
    store: str = "hilum.db"
    folder: Path = Path("hilum-service")
    keep_films: bool = False
    keep_hours: float = 24.0
    hosts: tuple[str, ...] = LOCAL_HOSTS
    origins: tuple[str, ...] = ()
    sign_in: bool = False
    user_header: str = ""
    secure: bool = False
    queue_size: int = 64
    deadline: float = 60.0
    workers: int = 0
    uploads: UploadLimits = field(default_factory=UploadLimits)
    reading: ReadingLimits = field(default_factory=ReadingLimits)
    requests_a_minute: int = 1200
    trusted: Path | None = None
    metrics_public: bool = True

    @property
    def kept(self) -> timedelta | None:
        """How long films are kept; None for good."""
        return None if self.keep_films else timedelta(hours=self.keep_hours)

    @property
    def kept_sentence(self) -> str:
        """What becomes of a film, for whoever sends it."""
        if self.keep_films:
            return "Films are kept here until somebody erases them."
        if self.keep_hours <= 0:
            return "Films are not kept: their hash and the answer remain, and no detector can be trained from them."
        hours = f"{self.keep_hours:g} hour{'s' if self.keep_hours != 1 else ''}"
        return (
            f"Films are kept for {hours}, for the work-list; then their hash and the answer remain, and no detector "
            "can be trained from a verdict on them."
        )
