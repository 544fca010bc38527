"""Challenges of liveness: who asked for one, how it ended, and for a minute what a login goes on with."""

import sqlalchemy as sa
from alembic import op

revision = "d0010"
down_revision = "d0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "challenge",
        sa.Column("challenge_id", sa.Uuid, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("nonce", sa.LargeBinary(32), nullable=False),
        sa.Column("at_once", sa.String, nullable=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("begun_at", sa.DateTime, nullable=True),
        sa.Column("told_at", sa.DateTime, nullable=True),
        sa.Column("passed_at", sa.DateTime, nullable=True),
        sa.Column("transform", sa.Integer, nullable=True),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
    )
    for column in ("subject", "expires_at"):
        op.create_index(f"ix_challenge_{column}", "challenge", [column])
