"""Traces of destroyed keys are counted."""

import sqlalchemy as sa
from alembic import op

revision = "k0004"
down_revision = "k0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keystore", sa.Column("traces", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("keystore", sa.Column("cleared", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE keystore SET traces = 1 WHERE dirty")
    op.drop_column("keystore", "dirty")
