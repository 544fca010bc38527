"""What holds no longer: tokens given back, API keys, applications and codes taken away."""

import sqlalchemy as sa
from alembic import op

revision = "k0005"
down_revision = "k0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revocation",
        sa.Column("what", sa.String, primary_key=True),
        sa.Column("until", sa.DateTime, nullable=True),
    )
    op.create_index("ix_revocation_until", "revocation", ["until"])
