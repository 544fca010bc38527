"""References of people, unique within a tenant; nobody enrolled before has one."""

import sqlalchemy as sa
from alembic import op

revision = "d0006"
down_revision = "d0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("person", sa.Column("reference", sa.LargeBinary))
    op.create_index("ix_person_reference", "person", ["tenant", "reference"], unique=True)
