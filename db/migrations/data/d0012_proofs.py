"""Rows that are not sealed carry a proof, given at the next opening; tokens given back stand in the key store."""

import sqlalchemy as sa
from alembic import op

revision = "d0012"
down_revision = "d0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("api_key", "challenge", "client", "oauth_grant"):
        op.add_column(table, sa.Column("proof", sa.LargeBinary, nullable=True))
    op.drop_table("revoked_token")
