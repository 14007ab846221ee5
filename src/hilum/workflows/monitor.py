"""A look over time at the detectors of a reading room, from its database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hilum import bundle as bundles
from hilum.errors import RequestError
from hilum.extras import require
from hilum.inference.answers import open_gate
from hilum.monitoring import DetectorInUse, Expected, over_time, write_report


def monitor(
    store: str, bundle_folders: Sequence[Path | str] = ("shipped",), out: Path | None = None
) -> tuple[DetectorInUse, ...]:
    """Look over time at every detector of a store.

    Args:
        store: a SQLite file, or a PostgreSQL URL.
        bundle_folders: bundles' folders, or `shipped`; answers of other bundles are not compared with validation.
        out: gets the report, one HTML file; None writes none.

    Returns:
        One for each detector, the one with the most recent film first.

    Raises:
        BundleError: a bundle is incomplete or was changed.
        RequestError: there is no such store, or no film in it; or `hilum[serve]` is not installed.
        StoreError: the database does not answer.
    """
    require("serve", "a look over time")
    from hilum.store import observations, open_store

    expected = {}
    for folder in bundle_folders:
        opened = bundles.read(folder)
        gate = open_gate(opened)
        expected[opened.spec.seal] = Expected(opened.spec.scores, None if gate is None else 1 - gate.let_through)
    with open_store(store, create=False) as opened_store:
        films = observations(opened_store.database)
        name = opened_store.name
    if not films:
        raise RequestError(f"{name}: holds no film yet; hilum serve --store {name} answers some")
    detectors = over_time(films, expected)
    if out is not None:
        write_report(detectors, out)
    return detectors
