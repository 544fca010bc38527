"""Traces of deleted rows are counted; a person's own revision, which the list of changes has replaced, goes."""

import sqlalchemy as sa
from alembic import op

revision = "d0011"
down_revision = "d0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gallery", sa.Column("traces", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("gallery", sa.Column("cleared", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE gallery SET traces = 1 WHERE dirty")
    op.drop_column("gallery", "dirty")
    op.drop_index("ix_person_revision", "person")
    op.drop_column("person", "revision")
