"""The tables of nodes in a hospital's network."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.String(27)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "node_films",
        sa.Column("workflow_id", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("instance", "study", "pixels")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("seal", "operating_point", "node", "source", "file")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("received", "changed")),
        sa.Column("answered", MOMENT, nullable=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("shown", "earlier")),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("report", "capture")),
    )
    op.create_index("node_films_of_instance", "node_films", ["instance"])
    op.create_index("node_films_of_study", "node_films", ["study"])
    op.create_index("node_films_by_state", "node_films", ["state", "changed"])
    op.create_index("node_films_by_place", "node_films", ["place"])
    op.create_index("node_films_of_file", "node_films", ["file"])
    op.create_index("node_films_of_prediction", "node_films", ["prediction_id"])
    op.create_table(
        "node_sendings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("workflow_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("changed", MOMENT, nullable=False),
    )
    op.create_index("node_sendings_of_film", "node_sendings", ["workflow_id"])
    op.create_index("node_sendings_by_state", "node_sendings", ["state", "destination"])
    op.create_table(
        "node_destinations",
        sa.Column("name", sa.String(200), primary_key=True),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("down_since", "last_accepted", "last_refused")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("down_why", "refusal")),
    )
    op.create_table(
        "node_cursors",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("changed", MOMENT, nullable=False),
    )
    op.create_table(
        "node_heartbeats",
        sa.Column("node", sa.String(200), primary_key=True),
        sa.Column("beats", sa.BigInteger, nullable=False),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("started", "changed")),
        sa.Column("alarm", sa.Text, nullable=False),
    )
