"""What no single key of a node's file can say: names that are there once, addresses, what belongs together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from hilum.errors import RequestError
from hilum.pacs.settings import Destination, NodeSettings, Receive, Route, Source
from hilum.pacs.web_address import web_parts

MODALITIES = ("CR", "DX", "RF", "SC")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_NAME_RULE = "names here have up to 64 letters, digits, points, dashes and underscores"


def problem_of(settings: NodeSettings) -> str:
    """What is wrong with settings whose keys are each of the right type; empty where nothing is."""
    return next(_problems(settings), "")


def _problems(settings: NodeSettings) -> Iterator[str]:
    node = settings.node
    if not _NAME.fullmatch(node.name):
        yield f"node.name: {node.name!r}: {_NAME_RULE}"
    for key in ("bundle", "store", "folder"):
        if not getattr(node, key):
            yield f"node.{key}: is empty; leave the key out to have its default"
    if settings.receive is None and not settings.sources:
        yield "no films could come: add the table [receive], or [[sources]]"
    if settings.receive is not None:
        yield from _of_receiving(settings.receive)
    yield from _twice("sources", [each.name for each in settings.sources])
    for number, source in enumerate(settings.sources, 1):
        yield from _of_source(source, f"sources number {number}")
    yield from _twice("destinations", [each.name for each in settings.destinations])
    for number, destination in enumerate(settings.destinations, 1):
        yield from _of_destination(destination, f"destinations number {number}", settings.receive)
    for number, route in enumerate(settings.routes, 1):
        yield from _of_route(route, f"routes number {number}", settings)
    if not settings.destinations and not node.shadow:
        yield "results would go nowhere: add [[destinations]], or set node.shadow = true"
    for modality in settings.films.modalities:
        if modality not in MODALITIES:
            yield f"films.modalities: {modality!r} holds no chest films for this; there are {', '.join(MODALITIES)}"
    if not settings.films.modalities:
        yield "films.modalities: is empty, so that no film would be answered; name some of " + ", ".join(MODALITIES)
    if settings.metrics.port:
        yield from _of_listening("metrics.host", settings.metrics.host)


def _of_receiving(receive: Receive) -> Iterator[str]:
    yield from _of_title("receive.ae_title", receive.ae_title)
    yield from _of_listening("receive.host", receive.host)
    if not receive.callers:
        yield "receive: nobody may send; add [[receive.callers]], each an AE title with the addresses it calls from"
    for number, caller in enumerate(receive.callers, 1):
        place = f"receive.callers number {number}"
        yield from _of_title(f"{place}.ae_title", caller.ae_title)
        if not caller.addresses:
            yield f"{place}.addresses: is empty, so that it could call from nowhere; name an address or a network"
        for address in caller.addresses:
            yield from _of_network(f"{place}.addresses", address)


def _of_source(source: Source, place: str) -> Iterator[str]:
    yield from _of_name(place, source.name)
    if source.kind == "folder":
        if not source.folder:
            yield f"{place}.folder: is missing; a source of the kind 'folder' watches one"
        for key in ("url", "user", "password_file", "authorities", "days_back"):
            if getattr(source, key):
                yield f"{place}.{key}: has no meaning for a source of the kind 'folder'; leave it out"
        return
    if source.folder:
        yield f"{place}.folder: has no meaning for a source of the kind '{source.kind}'; leave it out"
    yield from _of_web(place, source.url, source.user, source.password_file)


def _of_destination(destination: Destination, place: str, receive: Receive | None) -> Iterator[str]:
    yield from _of_name(place, destination.name)
    plain = Destination(name=destination.name, kind=destination.kind)
    others = (
        ("url", "user", "password_file", "authorities")
        if destination.kind == "c-store"
        else ("host", "port", "ae_title", "calling_ae_title", "tls")
    )
    for key in others:
        if getattr(destination, key) != getattr(plain, key):
            yield f"{place}.{key}: has no meaning for a destination of the kind '{destination.kind}'; leave it out"
    if destination.kind == "stow":
        yield from _of_web(place, destination.url, destination.user, destination.password_file)
        return
    yield from _of_title(f"{place}.ae_title", destination.ae_title)
    yield from _of_title(f"{place}.calling_ae_title", destination.calling_ae_title)
    if not _is_address(destination.host) and not _HOST.fullmatch(destination.host):
        yield f"{place}.host: {destination.host!r} is neither an address nor a host's name"
    if receive is not None and (destination.host, destination.port) == (receive.host, receive.port):
        yield f"{place}: is this node itself, so that results would come back; name the PACS' host and port"


def _of_route(route: Route, place: str, settings: NodeSettings) -> Iterator[str]:
    there = [each.name for each in settings.destinations]
    for name in route.to:
        if name not in there:
            yield f"{place}.to: there is no destination {name!r}; {_nearest(name, there, 'destinations')}"
    yield from _twice(f"{place}.to", route.to)
    callers = [each.ae_title for each in settings.receive.callers] if settings.receive else []
    known = [*callers, *(each.name for each in settings.sources)]
    for name in route.callers:
        if name not in known:
            yield f"{place}.callers: no films come from {name!r}; {_nearest(name, known, 'callers and sources')}"
    if route.age_from is not None and route.age_below is not None and route.age_from >= route.age_below:
        yield f"{place}: no age is from {route.age_from:g} and below {route.age_below:g}"


def _of_name(place: str, name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{place}.name: {name!r}: {_NAME_RULE}"


def _of_title(place: str, title: str) -> Iterator[str]:
    """An AE title (PS3.5, 6.2, VR AE): up to 16 characters of ASCII, no backslash; spaces around it mean nothing."""
    if not title.strip():
        yield f"{place}: is empty; an AE title has 1 to 16 characters"
    elif len(title) > 16:
        yield f"{place}: {title!r} has {len(title)} characters; an AE title has up to 16"
    elif "\\" in title or not title.isascii() or not title.isprintable():
        yield f"{place}: {title!r}: an AE title has no backslash, and letters without accents"
    elif title != title.strip():
        yield f"{place}: {title!r} begins or ends with a space, which DICOM does not keep; leave it out"


def _of_listening(place: str, host: str) -> Iterator[str]:
    if not _is_address(host):
        yield f"{place}: {host!r} is no address of this machine's; write one such as 127.0.0.1"


def _of_network(place: str, address: str) -> Iterator[str]:
    try:
        ip_network(address)
    except ValueError:
        try:
            meant = ip_network(address, strict=False)
        except ValueError:
            yield f"{place}: {address!r} is no address and no network; write one such as 10.1.2.3 or 10.1.2.0/24"
        else:
            yield f"{place}: {address!r} is no network, which begins at {meant}; write that, or the address alone"


def _of_web(place: str, url: str, user: str, password_file: str) -> Iterator[str]:
    if not url:
        yield f"{place}.url: is missing; write one such as http://127.0.0.1:8042/dicom-web"
        return
    try:
        web_parts(f"{place}.url", url)
    except RequestError as error:
        yield str(error)
    if bool(user) != bool(password_file):
        yield f"{place}: user and password_file belong together; write both, or neither"


def _twice(place: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{place}: {name!r} is there twice; give each one a name of its own"
        seen.add(name)


def _nearest(name: str, known: list[str], what: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"{what} here: {', '.join(known) or 'none'}"


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
