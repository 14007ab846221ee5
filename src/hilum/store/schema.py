"""The tables of a database, made and brought up to date by Alembic's migrations."""

from __future__ import annotations

import logging
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, inspect

from hilum.errors import RequestError
from hilum.store.tables import metadata

logger = logging.getLogger("hilum")
_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection, where: str) -> None:
    """Bring the tables up to date, inside of the connection's transaction: all of the migrations or none.

    Args:
        connection: to the database, with its writer's lock.
        where: the database, for a refusal.

    Raises:
        RequestError: the database was written by a newer Hilum, or its tables are another program's.
    """
    scripts = _scripts()
    at = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if at == head:
        return
    try:
        if at is not None:
            scripts.get_revision(at)
    except CommandError:
        raise RequestError(
            f"{where}: written by a newer Hilum (its tables are of version {at}); update Hilum"
        ) from None
    if at is None and (there := set(inspect(connection).get_table_names()) & set(metadata.tables)):
        raise RequestError(f"{where}: another program's database (it has a table '{min(there)}'); name another one")
    with EnvironmentContext(
        Config(), scripts, fn=lambda revision, _: scripts._upgrade_revs("head", revision), destination_rev="head"
    ) as environment:
        environment.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
        environment.run_migrations()


def latest_version() -> str | None:
    """The version of the tables that this Hilum makes."""
    return _scripts().get_current_head()


def _scripts() -> ScriptDirectory:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return ScriptDirectory(str(_MIGRATIONS))
