"""`hilum serve`: the reading room, a web page and an HTTP API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hilum.cli.options import DEFAULT_STORE, StoreUrl, Trusted
from hilum.cli.terminal import app, tell
from hilum.errors import RequestError
from hilum.extras import require


@app.command()
def serve(
    bundles: Annotated[
        list[Path] | None, typer.Argument(metavar="[BUNDLE…]", help="Bundles' folders; without one, 'shipped'.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any that is free.")] = 8000,
    store: StoreUrl = DEFAULT_STORE,
    folder: Annotated[Path, typer.Option("--folder", help="For films while they arrive.")] = Path("hilum-service"),
    keep_films: Annotated[bool, typer.Option("--keep-films", help="Keep films until they are erased.")] = False,
    keep_hours: Annotated[
        float, typer.Option("--keep-hours", min=0, help="Else keep them for so long, for the work-list.")
    ] = 24.0,
    host_name: Annotated[
        list[str] | None, typer.Option("--host-name", help="A further name that it is asked for by. Repeatable.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="A site whose pages may call the API (CORS). Repeatable.")
    ] = None,
    user_header: Annotated[
        str, typer.Option("--user-header", help="The header in which a reverse proxy names who has signed in.")
    ] = "",
    https: Annotated[
        bool, typer.Option("--https", help="A reverse proxy speaks HTTPS: cookies go over that alone.")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes that read films; 0: one a core.")] = 0,
    queue: Annotated[int, typer.Option("--queue", min=1, help="Requests at a time; more are told to wait.")] = 64,
    deadline: Annotated[float, typer.Option("--deadline", min=1, help="Seconds that a request may take.")] = 60.0,
    max_films: Annotated[int, typer.Option("--max-films", min=1, help="Films in one request.")] = 100,
    max_mib: Annotated[int, typer.Option("--max-mib", min=1, help="Size of one request in MiB.")] = 1024,
    rate: Annotated[int, typer.Option("--rate", min=1, help="Requests a minute from one address.")] = 1200,
    trusted: Trusted = None,
    check: Annotated[
        bool, typer.Option("--check", help="Open bundles and store, say whether it would start, and end.")
    ] = False,
) -> None:
    """Answer films on a web page and over HTTP; on this machine alone unless told otherwise."""
    require("serve", "the reading room")
    if user_header and host not in ("127.0.0.1", "::1", "localhost"):
        raise RequestError(
            "--user-header: whoever reaches the service could send that header; leave --host out and let the proxy "
            "run on this machine"
        )
    from hilum.answering.readers import start_ahead
    from hilum.machine import processors

    if not check:
        start_ahead(max(1, min(workers or processors(), processors() - 1)))  # one processor is this process's own
    from hilum.service.server import check_start
    from hilum.service.server import serve as run
    from hilum.service.settings import LOCAL_HOSTS, ServiceSettings
    from hilum.service.uploads import UploadLimits

    tell("Opening the detectors …")
    settings = ServiceSettings(
        bundles=tuple(map(str, bundles or [Path("shipped")])),
        store=store,
        folder=folder,
        keep_films=keep_films,
        keep_hours=keep_hours,
        hosts=(*LOCAL_HOSTS, *(host_name or ())),
        origins=tuple(origin or ()),
        user_header=user_header,
        secure=https,
        workers=workers,
        queue_size=queue,
        deadline=deadline,
        uploads=UploadLimits(films=max_films, bytes=max_mib << 20),
        requests_a_minute=rate,
        trusted=trusted,
    )
    if check:
        check_start(settings, host)
        tell("It would start.")
        return
    run(settings, host, port)
