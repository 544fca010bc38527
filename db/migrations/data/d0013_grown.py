"""Templates that logins have added are told apart from those of an enrolment."""

import sqlalchemy as sa
from alembic import op

revision = "d0013"
down_revision = "d0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("template", sa.Column("grown", sa.Boolean, nullable=False, server_default=sa.false()))
