"""Person keys and the check of the master key."""

import sqlalchemy as sa
from alembic import op

revision = "k0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_key",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "keystore",
        sa.Column("keystore_id", sa.Integer, primary_key=True),
        sa.Column("key_check", sa.LargeBinary, nullable=False),
        sa.Column("dirty", sa.Boolean, nullable=False),
    )
