"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.String(27)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "settings",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "films",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("keep_until", MOMENT, nullable=True, index=True),
        sa.UniqueConstraint("user_name", "sha256", name="one_film_per_user"),
    )
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("film_sha256", sa.String(64), nullable=False),
        sa.Column("film_bytes", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("model", "seal", "operating_point")),
        *(sa.Column(name, sa.Double, nullable=True) for name in ("prevalence", "threshold")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("classes", "probs", "prediction", "answer", "why")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("plausible", "flags", "remarks", "error")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("height", "width")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("age", "sex", "view")),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("patient", "study")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("probability", "work_order")),
        sa.Column("salt", sa.String(32), nullable=False),
    )
    op.create_index("predictions_by_time", "predictions", ["created", "id"])
    op.create_index("predictions_of_user", "predictions", ["user_name", "created"])
    op.create_index("predictions_in_work_order", "predictions", ["work_order", "id"])
    op.create_index("predictions_of_patient", "predictions", ["patient"])
    op.create_index("predictions_of_study", "predictions", ["study"])
    op.create_index("predictions_of_film", "predictions", ["user_name", "film_sha256"])
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "prediction_id",
            sa.String(32),
            sa.ForeignKey("predictions.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("unaided", sa.Boolean, nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("withdrawn", MOMENT, nullable=True),
        sa.Column("salt", sa.String(32), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "action")),
        sa.Column("subject", sa.Text, nullable=False, index=True),
        sa.Column("detail", sa.Text, nullable=False),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("previous", "digest")),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(200), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("password_hash", "scopes")),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("withdrawn", MOMENT, nullable=True),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("user_name", sa.String(200), sa.ForeignKey("users.name"), nullable=False, index=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("purpose", "secret_hash", "scopes")),
        sa.Column("created", MOMENT, nullable=False),
        *(sa.Column(name, MOMENT, nullable=True) for name in ("expires", "withdrawn")),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("user_name", sa.String(200), sa.ForeignKey("users.name"), nullable=False, index=True),
        *(sa.Column(name, MOMENT, nullable=False) for name in ("created", "expires")),
    )
