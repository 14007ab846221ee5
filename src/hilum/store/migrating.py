"""Running the migrations, by Alembic."""

from __future__ import annotations

import logging

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from hilum.store.migrations import MIGRATIONS
from hilum.store.tables import metadata


def run_migrations(connection: Connection) -> None:
    """Bring the tables to the latest version, inside of the connection's transaction."""
    scripts = scripts_of_migrations()
    with EnvironmentContext(
        Config(), scripts, fn=lambda revision, _: scripts._upgrade_revs("head", revision), destination_rev="head"
    ) as environment:
        environment.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
        environment.run_migrations()


def scripts_of_migrations() -> ScriptDirectory:
    """The migrations, as Alembic finds them."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return ScriptDirectory(str(MIGRATIONS))
