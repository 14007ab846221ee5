"""`hilum store`: the service's database: check it, back it up, restore it, erase from it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilum.cli.options import DEFAULT_STORE, StoreUrl
from hilum.cli.terminal import app, tell
from hilum.errors import RequestError, StoreError
from hilum.extras import require

if TYPE_CHECKING:
    from hilum.store import Head, Store, Verified

store = typer.Typer(
    help="Check the service's database, back it up, restore it, or erase from it.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
app.add_typer(store, name="store")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")]


@store.command("verify")
def verify_store(
    store_url: StoreUrl = DEFAULT_STORE,
    head: Annotated[
        str | None, typer.Option("--head", help="The audit log's head, NUMBER:HASH, as it was noted earlier.")
    ] = None,
) -> None:
    """Check that nothing but Hilum changed a prediction, a verdict, a film or the audit log."""
    from hilum.store import verify

    with _open(store_url) as opened:
        verified = verify(opened.database, _head(head))
        where = opened.name
    typer.echo(_counts(verified))
    typer.echo(f"head {verified.head}")
    for problem in verified.problems:
        typer.echo(problem)
    if not verified.is_sound:
        count = len(verified.problems) + verified.more_problems
        what = f"{count:,} problems" if count > 1 else "1 problem"
        raise StoreError(f"{where}: {what}; find out who can write to it, and restore a backup: hilum store restore")
    tell("Sound. Keep the head somewhere else, and give it next time: hilum store verify --head NUMBER:HASH")


@store.command("backup")
def backup_store(
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not be there yet.")],
    store_url: StoreUrl = DEFAULT_STORE,
) -> None:
    """Copy the whole database into one file, while the service runs."""
    from hilum.store import backup

    with _open(store_url) as opened:
        copied = backup(opened.database, out)
    typer.echo(_counts(copied.verified))
    tell(f"{out}: {copied.bytes / 1e6:,.1f} MB, checked. It holds films and what signs people in: keep it as safe")


@store.command("restore")
def restore_store(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="What hilum store backup wrote.")],
    store_url: StoreUrl = DEFAULT_STORE,
) -> None:
    """Copy a backup into a database that nobody has used, of SQLite or PostgreSQL."""
    require("serve", "hilum store")
    from hilum.store import Database, restore

    database = Database(store_url)
    try:
        copied = restore(database, file)
    finally:
        database.close()
    typer.echo(_counts(copied.verified))
    tell(f"{database.name}: restored and checked. Next: hilum serve --store {database.name}")


@store.command("erase")
def erase(
    store_url: StoreUrl = DEFAULT_STORE,
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="ID", help="A Patient ID of DICOM; -: a line of stdin.")
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", metavar="UID", help="A Study Instance UID; -: a line of stdin.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Erase every prediction, verdict and film of a patient or of a study. Backups keep theirs."""
    if (patient is None) == (study is None):
        raise RequestError("name either a patient or a study: --patient ID or --study UID")
    identifier = (patient or study or "").strip()
    if identifier == "-":
        identifier = sys.stdin.readline().strip()
    if not identifier:
        raise RequestError("no patient and no study has an empty identifier; name whose films are to be erased")
    with _open(store_url) as opened:
        if patient is not None:
            key = opened.pseudonym("patient", identifier)
            erased = opened.retention.erase_patient(key, dry_run=dry_run)
        else:
            key = opened.pseudonym("study", identifier)
            erased = opened.retention.erase_study(key, dry_run=dry_run)
    typer.echo(f"{erased} {'would be' if dry_run else 'were'} erased")


@store.command("retain")
def retain(
    days: Annotated[float, typer.Option("--days", help="How long predictions are kept; older ones go.")],
    store_url: StoreUrl = DEFAULT_STORE,
    dry_run: DryRun = False,
) -> None:
    """Erase predictions that are older than so many days, with their verdicts and films, and films that are over."""
    if not 0 <= days <= 36500:
        raise RequestError(f"--days {days:g}: give 0 to 36,500 days")
    with _open(store_url) as opened:
        over = 0 if dry_run else opened.retention.expire_films()
        erased = opened.retention.erase_before(datetime.now(UTC) - timedelta(days=days), dry_run=dry_run)
    typer.echo(f"{erased} {'would be' if dry_run else 'were'} erased")
    if over:
        tell(f"{over:,} films whose time was over are gone; their predictions stay")


def _open(url: str) -> Store:
    require("serve", "hilum store")
    from hilum.store import open_store

    return open_store(url, create=False)


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    number, _, digest = text.strip().partition(":")
    if not number.isdecimal() or len(digest) != 64:
        raise RequestError("--head: is written NUMBER:HASH, as hilum store verify prints it")
    from hilum.store import Head

    return Head(int(number), digest)


def _counts(verified: Verified) -> str:
    counts = (
        (verified.predictions, "predictions"),
        (verified.verdicts, "verdicts"),
        (verified.films, "films"),
        (verified.entries, "entries of the audit log"),
    )
    return ", ".join(f"{count:,} {name}" for count, name in counts)
