"""A source as the settings name it, opened."""

from __future__ import annotations

from pathlib import Path

from hilum.pacs.settings import Limits, NodeSettings, Source
from hilum.pacs.sources.following import FilmSource, SourceFollower
from hilum.pacs.sources.orthanc_changes import OrthancChanges
from hilum.pacs.sources.qido import QidoStudies
from hilum.pacs.sources.taking import Accept, Cursors, FilmIntake
from hilum.pacs.sources.watched_folder import WatchedFolder
from hilum.pacs.spool import Spool
from hilum.pacs.web import WebServer

_FILM_SECONDS = 120.0  # that one film may take to come


def open_source(
    source: Source, settings: NodeSettings, spool: Spool, accept: Accept, cursors: Cursors
) -> SourceFollower:
    """Make ready to follow a source; `start` begins.

    Args:
        source: as the settings name it.
        settings: of the node, whose limits of a film hold here too.
        spool: where films are kept.
        accept: enqueues a film; it may be called by several sources at a time.
        cursors: keep where sources have got to.

    Raises:
        RequestError: an address, a folder, a certificate or a password cannot be used.
    """
    limits = settings.receive.limits if settings.receive else Limits()
    intake = FilmIntake(source.name, spool, accept, limits.instance_mib)
    opened: FilmSource
    if source.kind == "folder":
        opened = WatchedFolder(Path(source.folder), intake)
    else:
        server = WebServer(
            f"source {source.name}",
            source.url,
            user=source.user,
            password_file=source.password_file,
            authorities=source.authorities,
            seconds=_FILM_SECONDS,
        )
        films = settings.films
        modalities = () if films.report_others else films.modalities  # others are left alone: why fetch them
        kind = OrthancChanges if source.kind == "orthanc" else QidoStudies
        opened = kind(server, intake, cursors, modalities, source.days_back)
    return SourceFollower(source.name, opened, source.every_seconds)
