"""The tables, as SQLAlchemy describes them; what makes them in a database is `migrations`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from hilum.store.columns import Json, Moment, metadata
from hilum.store.node_tables import node_cursors, node_destinations, node_films, node_heartbeats, node_sendings

__all__ = [
    "audit_log",
    "films",
    "metadata",
    "node_cursors",
    "node_destinations",
    "node_films",
    "node_heartbeats",
    "node_sendings",
    "plain_tables",
    "predictions",
    "sessions",
    "settings",
    "tokens",
    "users",
    "verdicts",
]

settings = Table(
    "settings", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False)
)

films = Table(
    "films",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("user_name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("keep_until", Moment, nullable=True, index=True),
    UniqueConstraint("user_name", "sha256", name="one_film_per_user"),
)

predictions = Table(
    "predictions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("created", Moment, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("film_sha256", String(64), nullable=False),
    Column("film_bytes", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("operating_point", Text, nullable=False),
    Column("prevalence", Double, nullable=True),
    Column("threshold", Double, nullable=True),
    Column("classes", Json, nullable=False),
    Column("probs", Json, nullable=False),
    Column("prediction", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("plausible", Json, nullable=False),
    Column("flags", Json, nullable=False),
    Column("remarks", Json, nullable=False),
    Column("error", Text, nullable=False),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("age", Text, nullable=False),
    Column("sex", Text, nullable=False),
    Column("view", Text, nullable=False),
    Column("patient", String(64), nullable=False),
    Column("study", String(64), nullable=False),
    Column("probability", Double, nullable=False),
    Column("work_order", Double, nullable=False),
    # Drawn with the row and gone with it: what the audit log keeps of an erased row says nothing about it.
    Column("salt", String(32), nullable=False),
    Index("predictions_by_time", "created", "id"),
    Index("predictions_of_user", "user_name", "created"),
    Index("predictions_in_work_order", "work_order", "id"),
    Index("predictions_of_patient", "patient"),
    Index("predictions_of_study", "study"),
    Index("predictions_of_film", "user_name", "film_sha256"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("prediction_id", String(32), ForeignKey("predictions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("user_name", Text, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("label", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("unaided", Boolean, nullable=False),
    Column("created", Moment, nullable=False),
    Column("withdrawn", Moment, nullable=True),
    Column("salt", String(32), nullable=False),
    sqlite_autoincrement=True,  # the number of a verdict that was erased is given to no other
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created", Moment, nullable=False),
    Column("withdrawn", Moment, nullable=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user_name", String(200), ForeignKey("users.name"), nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=True),
    Column("withdrawn", Moment, nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_name", String(200), ForeignKey("users.name"), nullable=False, index=True),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
)


def _plain(table: Table) -> Table:
    """A table as the database has it, times and structures as the text that they are kept as."""
    columns = [
        Column(column.name, column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type)
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


# For what checks and copies rows that may have been changed into something that is neither a time nor JSON; a table
# comes after those that it refers to.
plain_tables = {table.name: _plain(table) for table in metadata.sorted_tables}
