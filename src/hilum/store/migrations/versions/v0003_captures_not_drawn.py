"""Why a film's capture could not be drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("node_films", sa.Column("undrawn", sa.Text, nullable=False, server_default=""))
