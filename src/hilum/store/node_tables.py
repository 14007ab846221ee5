"""The tables of nodes in a hospital's network.

They hold hashes and pseudonyms; identifiers are in the films' and the results' files alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from hilum.store.columns import Json, Moment, metadata

node_films = Table(
    "node_films",
    metadata,
    Column("workflow_id", String(64), primary_key=True),
    *(Column(name, String(64), nullable=False) for name in ("instance", "study", "pixels")),
    *(Column(name, Text, nullable=False) for name in ("seal", "operating_point", "node", "source", "file")),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False),
    *(Column(name, Moment, nullable=False) for name in ("received", "changed")),
    Column("answered", Moment, nullable=True),
    Column("place", Integer, nullable=False),
    Column("prediction_id", String(32), nullable=False),
    Column("shown", Text, nullable=False),
    Column("earlier", Json, nullable=False),
    *(Column(name, String(64), nullable=False) for name in ("report", "capture")),
    Column("undrawn", Text, nullable=False, server_default=""),
    Index("node_films_of_instance", "instance"),
    Index("node_films_of_study", "study"),
    Index("node_films_by_state", "state", "changed"),
    Index("node_films_by_place", "place"),
    Index("node_films_of_file", "file"),
    Index("node_films_of_prediction", "prediction_id"),
)

node_sendings = Table(
    "node_sendings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workflow_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("destination", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("changed", Moment, nullable=False),
    Index("node_sendings_of_film", "workflow_id"),
    Index("node_sendings_by_state", "state", "destination"),
)

node_destinations = Table(
    "node_destinations",
    metadata,
    Column("name", String(200), primary_key=True),
    *(Column(name, Moment, nullable=True) for name in ("down_since", "last_accepted", "last_refused")),
    *(Column(name, Text, nullable=False) for name in ("down_why", "refusal")),
)

node_cursors = Table(
    "node_cursors",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed", Moment, nullable=False),
)

node_heartbeats = Table(
    "node_heartbeats",
    metadata,
    Column("node", String(200), primary_key=True),
    Column("beats", BigInteger, nullable=False),
    *(Column(name, Moment, nullable=False) for name in ("started", "changed")),
    Column("alarm", Text, nullable=False),
)
