"""The tables of a database: of which version they are, and brought up to date where that is not the latest."""

from __future__ import annotations

from sqlalchemy import Connection, inspect

from hilum.errors import RequestError
from hilum.store.migrations import MIGRATIONS
from hilum.store.tables import metadata

_VERSIONS = "alembic_version"  # the table in which Alembic notes the version


def migrate(connection: Connection, where: str) -> None:
    """Bring the tables up to date, inside of the connection's transaction: all of the migrations or none.

    Args:
        connection: to the database, with its writer's lock.
        where: the database, for a refusal.

    Raises:
        RequestError: the database was written by a newer Hilum, or its tables are another program's.
    """
    at = version_of(connection)
    if at == latest_version():
        return  # Alembic, which takes a tenth of a second to import, has nothing to do
    if at is not None and at not in _versions():
        raise RequestError(f"{where}: written by a newer Hilum (its tables are of version {at}); update Hilum")
    if at is None and (there := set(inspect(connection).get_table_names()) & set(metadata.tables)):
        raise RequestError(f"{where}: another program's database (it has a table '{min(there)}'); name another one")
    from hilum.store.migrating import run_migrations

    run_migrations(connection)


def version_of(connection: Connection) -> str | None:
    """The version of a database's tables; None where it has none of Hilum's."""
    if not inspect(connection).has_table(_VERSIONS):
        return None
    at = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSIONS}").scalar()
    return None if at is None else str(at)


def latest_version() -> str:
    """The version of the tables that this Hilum makes."""
    return max(_versions())


def _versions() -> set[str]:
    """Each migration's, by the name of its file: `v0001_first_tables.py` makes version 0001."""
    return {path.name[1:5] for path in (MIGRATIONS / "versions").glob("v[0-9]*.py")}
