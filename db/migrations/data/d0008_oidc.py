"""Applications that people sign in to, and what was granted to them."""

import sqlalchemy as sa
from alembic import op

revision = "d0008"
down_revision = "d0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("client_id", sa.String, primary_key=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("redirect_uris", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=True),
    )
    op.create_table(
        "oauth_grant",
        sa.Column("code", sa.LargeBinary(32), primary_key=True),
        sa.Column("client_id", sa.String, sa.ForeignKey("client.client_id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("person.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("redirect_uri", sa.String, nullable=False),
        sa.Column("challenge", sa.String, nullable=False),
        sa.Column("nonce", sa.String, nullable=True),
        sa.Column("acr", sa.String, nullable=False),
        sa.Column("signed_in_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("token", sa.LargeBinary(32), nullable=True),
    )
    for column in ("client_id", "user_id", "expires_at"):
        op.create_index(f"ix_oauth_grant_{column}", "oauth_grant", [column])
    op.create_index("ix_oauth_grant_token", "oauth_grant", ["token"], unique=True)
