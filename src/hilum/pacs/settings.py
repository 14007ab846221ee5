"""How a node is set up, as its TOML file says it (`docs/pacs.md`).

The bounds hold for a file, which `hilum.pacs.settings_file` reads; it also checks what no single key can say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

MIB = 1 << 20

Port = Annotated[int, Meta(ge=1, le=65535)]
AnyPort = Annotated[int, Meta(ge=0, le=65535)]  # 0 has a meaning of its own
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Few = Annotated[int, Meta(ge=1, le=1000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Hours = Annotated[float, Meta(ge=0, le=876_600)]
Days = Annotated[float, Meta(ge=0, le=36_525)]
Years = Annotated[float, Meta(ge=0, le=150)]


class NodeSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[node]`.

    Attributes:
        name: of this node, the same after every start and another one than its neighbours' on the same database.
        bundle: the detector's folder, or `shipped`.
        store: a SQLite file, for one node; or a PostgreSQL URL, for several.
        folder: for films until they are answered, and for results until they are sent. Several nodes on one database
            share it.
        shadow: receive and answer, and send nothing; what would have been sent can be read.
        workers: processes that read films; 0 for one a processor.
        trusted: a public key, or a folder of them, that the bundle has to be signed by; empty takes any.
    """

    name: str = "node"
    bundle: str = "shipped"
    store: str = "hilum.db"
    folder: str = "hilum-node"
    shadow: bool = False
    workers: Annotated[int, Meta(ge=0, le=1024)] = 0
    trusted: str = ""


class AllowedCaller(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[receive.callers]]`: who may send films by C-STORE.

    Attributes:
        ae_title: the calling AE title.
        addresses: IP addresses or networks, such as `10.1.2.0/24`, that it calls from.
    """

    ae_title: str
    addresses: tuple[str, ...] = ("127.0.0.1", "::1")


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tls` of `[receive]` and of a destination; both sides show a certificate.

    Attributes:
        certificate: a PEM file with our certificate.
        key: a PEM file with its key.
        authorities: a PEM file with who may have signed the other side's.
    """

    certificate: str
    key: str
    authorities: str


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[receive.limits]`.

    Attributes:
        associations: at a time.
        associations_an_address: at a time, of one address.
        silent_seconds: that a peer may take to say what it has begun to say, or to begin.
        pdu_bytes: of one PDU.
        instance_mib: of one film as it is sent.
        pixels: rows × columns of a film.
        frames: of a film.
    """

    associations: Few = 32
    associations_an_address: Few = 16
    silent_seconds: Seconds = 10.0
    pdu_bytes: Annotated[int, Meta(ge=4096, le=16 << 20)] = 256 << 10
    instance_mib: Annotated[int, Meta(ge=1, le=4096)] = 256
    pixels: Count = 100_000_000
    frames: Few = 1


class Receive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[receive]`: C-ECHO and C-STORE.

    Attributes:
        ae_title: that others call this node by.
        host: the address to listen on; this machine alone unless told otherwise.
        port: 0 for any that is free.
        callers: who may send; nobody else is let in.
        tls: mutual TLS; None speaks without it.
        limits: on what others may take.
    """

    ae_title: str = "HILUM"
    host: str = "127.0.0.1"
    port: AnyPort = 11112
    callers: tuple[AllowedCaller, ...] = ()
    tls: Tls | None = None
    limits: Limits = field(default_factory=Limits)


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[sources]]`: another way in, which the node asks by itself.

    Attributes:
        name: of the source; the place up to which it was read is kept under this name.
        kind: `orthanc` follows its `/changes`, `qido` asks a DICOMweb server for new studies, `folder` watches one.
        url: of Orthanc, or the root of the DICOMweb server.
        folder: that is watched.
        user: for HTTP's basic authentication; empty for none.
        password_file: a file with the password.
        authorities: a PEM file with who may have signed the certificate of an `https` URL; empty for this machine's
            own list.
        every_seconds: between two looks.
        days_back: of what was there before the first look, for `orthanc` and `qido`; 0 takes what comes from then on
            (`qido`: studies of that day).
    """

    name: str
    kind: Literal["orthanc", "qido", "folder"]
    url: str = ""
    folder: str = ""
    user: str = ""
    password_file: str = ""
    authorities: str = ""
    every_seconds: Seconds = 5.0
    days_back: Annotated[int, Meta(ge=0, le=36_525)] = 0


class Destination(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[destinations]]`: where results go.

    Attributes:
        name: of the destination.
        kind: `c-store` or `stow` (STOW-RS, DICOMweb).
        host: for `c-store`.
        port: for `c-store`.
        ae_title: that the destination is called by, for `c-store`.
        calling_ae_title: that this node calls itself, for `c-store`.
        tls: for `c-store`; None speaks without it.
        url: the root of the DICOMweb server, for `stow`.
        user: for HTTP's basic authentication; empty for none.
        password_file: a file with the password.
        authorities: a PEM file with who may have signed the certificate of an `https` URL; empty for this machine's
            own list.
        seconds: that it may take to accept one result.
        connections: at a time.
    """

    name: str
    kind: Literal["c-store", "stow"]
    host: str = "127.0.0.1"
    port: Port = 104
    ae_title: str = "PACS"
    calling_ae_title: str = "HILUM"
    tls: Tls | None = None
    url: str = ""
    user: str = ""
    password_file: str = ""
    authorities: str = ""
    seconds: Seconds = 30.0
    connections: Few = 2


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[routes]]`: which films' results go where; the first route that fits a film is taken, and without any route
    results go to every destination.

    Attributes:
        to: names of destinations; none sends nothing, and the answer stays in the store.
        callers: AE titles, or names of sources, that films come from; empty for all.
        stations: StationName of the films; empty for all.
        age_from: in years, of the patient at the study; None for all. A film that names no age fits no such route.
        age_below: in years.
    """

    to: tuple[str, ...]
    callers: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    age_from: Years | None = None
    age_below: Years | None = None


class Films(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[films]`: which films are answered. Others are counted and left alone.

    Attributes:
        modalities: of DICOM (0008,0060); `RF` and `SC` only where they are named here.
        report_others: whether what is not answered gets a report that says why, instead of nothing.
    """

    modalities: tuple[str, ...] = ("CR", "DX")
    report_others: bool = False


class Keep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[keep]`: how long what lies in the node's folder stays there.

    Attributes:
        films_hours: films, after their results were sent.
        results_hours: results, after they were sent; those of the shadow mode, after they were made.
        quarantine_days: films that were set apart, whose report was refused, or that have failed.
        store_films_hours: films in the store, where the reading room shows them; 0 keeps none there.
    """

    films_hours: Hours = 1.0
    results_hours: Hours = 24.0
    quarantine_days: Days = 30.0
    store_films_hours: Hours = 0.0


class Alarm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[alarm]`: when people should look; it is logged, shown on the page and set in the metrics.

    Attributes:
        waiting_films: films that are received and not answered.
        waiting_seconds: that the oldest of them waits, or a source fails.
    """

    waiting_films: Count = 500
    waiting_seconds: Seconds = 900.0


class MetricsSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[metrics]`: for Prometheus.

    Attributes:
        host: the address to listen on.
        port: 0 offers none.
    """

    host: str = "127.0.0.1"
    port: AnyPort = 0


class NodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node's whole file; each attribute is a table of it, of the name."""

    node: NodeSection = field(default_factory=NodeSection)
    receive: Receive | None = None
    sources: tuple[Source, ...] = ()
    destinations: tuple[Destination, ...] = ()
    routes: tuple[Route, ...] = ()
    films: Films = field(default_factory=Films)
    keep: Keep = field(default_factory=Keep)
    alarm: Alarm = field(default_factory=Alarm)
    metrics: MetricsSection = field(default_factory=MetricsSection)
