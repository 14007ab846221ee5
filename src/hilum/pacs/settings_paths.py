"""The files and folders that a node's settings name: where they are, and whether they are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from hilum.errors import RequestError
from hilum.pacs.settings import NodeSettings, Tls
from hilum.pacs.tls import client_context

_SHIPPED = "shipped"


def resolved(settings: NodeSettings, folder: Path) -> NodeSettings:
    """The same settings with paths that do not depend on where the node is started.

    Args:
        settings: as they are written.
        folder: that relative paths begin at.
    """

    def at(name: str) -> str:
        return str(folder / Path(name).expanduser()) if name else ""

    def tls(given: Tls | None) -> Tls | None:
        return given and Tls(certificate=at(given.certificate), key=at(given.key), authorities=at(given.authorities))

    node = settings.node
    return replace(
        settings,
        node=replace(
            node,
            bundle=node.bundle if node.bundle == _SHIPPED else at(node.bundle),
            store=node.store if "://" in node.store else at(node.store),
            folder=at(node.folder),
            trusted=at(node.trusted),
        ),
        receive=settings.receive and replace(settings.receive, tls=tls(settings.receive.tls)),
        sources=tuple(
            replace(
                each,
                folder=at(each.folder),
                password_file=at(each.password_file),
                authorities=at(each.authorities),
            )
            for each in settings.sources
        ),
        destinations=tuple(
            replace(
                each,
                tls=tls(each.tls),
                password_file=at(each.password_file),
                authorities=at(each.authorities),
            )
            for each in settings.destinations
        ),
    )


def unreadable_file(settings: NodeSettings) -> str:
    """Which file that settings name is not there, or is none of its kind; empty where all are.

    Args:
        settings: with paths that are resolved.
    """
    return next(_unreadable(settings), "")


def _unreadable(settings: NodeSettings) -> Iterator[str]:
    node = settings.node
    if node.bundle != _SHIPPED and not Path(node.bundle).is_dir():
        yield f"node.bundle: {node.bundle}: no such folder; name a bundle's folder, or 'shipped'"
    if Path(node.folder).exists() and not Path(node.folder).is_dir():
        yield f"node.folder: {node.folder}: is no folder; name one, or a place where one can be made"
    if node.trusted and not Path(node.trusted).exists():
        yield f"node.trusted: {node.trusted}: no such file; name a public key, or a folder of them"
    if settings.receive is not None and settings.receive.tls is not None:
        yield from _of_tls("receive.tls", settings.receive.tls)
    for number, source in enumerate(settings.sources, 1):
        place = f"sources number {number}"
        if source.folder and not Path(source.folder).is_dir():
            yield f"{place}.folder: {source.folder}: no such folder; make it first"
        if source.folder and Path(source.folder).resolve() == Path(node.folder).resolve():
            yield f"{place}.folder: {source.folder}: is the node's own folder; name another one"
        yield from _of_file(f"{place}.password_file", source.password_file)
        yield from _of_certificates(f"{place}.authorities", authorities=source.authorities)
    for number, destination in enumerate(settings.destinations, 1):
        place = f"destinations number {number}"
        yield from _of_file(f"{place}.password_file", destination.password_file)
        yield from _of_certificates(f"{place}.authorities", authorities=destination.authorities)
        if destination.tls is not None:
            yield from _of_tls(f"{place}.tls", destination.tls)


def _of_file(place: str, name: str) -> Iterator[str]:
    if not name:
        return
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        yield f"{place}: {name}: {(error.strerror or 'cannot be read').lower()}"


def _of_tls(place: str, tls: Tls) -> Iterator[str]:
    for key in ("certificate", "key", "authorities"):
        if not getattr(tls, key):
            yield f"{place}.{key}: is empty; name a PEM file"
        yield from _of_file(f"{place}.{key}", getattr(tls, key))
    yield from _of_certificates(place, tls)


def _of_certificates(place: str, tls: Tls | None = None, authorities: str = "") -> Iterator[str]:
    if not tls and not authorities:
        return
    try:
        client_context(tls, authorities, place)
    except RequestError as error:
        yield str(error)
