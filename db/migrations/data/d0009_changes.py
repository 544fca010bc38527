"""Who changed when, so that every process can keep step; nothing is known of what was before."""

import sqlalchemy as sa
from alembic import op

revision = "d0009"
down_revision = "d0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "change",
        sa.Column("change_id", sa.Integer, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("gone", sa.Integer),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_change_revision", "change", ["revision"])
    op.create_index("ix_change_user_id", "change", ["user_id"])
    op.add_column("gallery", sa.Column("forgotten", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE gallery SET forgotten = revision")
