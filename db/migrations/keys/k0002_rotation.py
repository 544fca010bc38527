"""The name of the wrapping key beside every wrapped key, a person's next key, stored secrets, tombstones."""

import sqlalchemy as sa
from alembic import op

revision = "k0002"
down_revision = "k0001"
branch_labels = None
depends_on = None

PERSON_KEY = sa.table("person_key", sa.column("user_id"), sa.column("wrapped"), sa.column("wrapped_by"))


def upgrade() -> None:
    op.add_column("person_key", sa.Column("wrapped_by", sa.String(32), nullable=False, server_default=""))
    op.add_column("person_key", sa.Column("next_wrapped", sa.LargeBinary))
    connection = op.get_bind()
    for user_id, wrapped in connection.execute(sa.select(PERSON_KEY.c.user_id, PERSON_KEY.c.wrapped)).all():
        connection.execute(
            sa.update(PERSON_KEY)
            .where(PERSON_KEY.c.user_id == user_id)
            .values(wrapped_by=bytes(wrapped[1:17]).hex())  # a record's header names its key, docs/format.md
        )
    op.create_index("ix_person_key_wrapped_by", "person_key", ["wrapped_by"])
    op.create_table(
        "secret",
        sa.Column("purpose", sa.String, primary_key=True),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("wrapped_by", sa.String(32), nullable=False),
    )
    op.create_table(
        "tombstone",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("erased_at", sa.DateTime, nullable=False),
    )
