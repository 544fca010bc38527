"""Tenants, and by which transform a template is turned: 0 for none, as all were before."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "d0004"
down_revision = "d0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tenant = op.create_table(
        "tenant",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("transform", sa.Integer, nullable=False),
    )
    revision_now = op.get_bind().scalar(sa.text("SELECT revision FROM gallery")) or 0
    now = datetime.now(UTC).replace(tzinfo=None)
    op.bulk_insert(tenant, [{"name": "default", "created_at": now, "revision": revision_now, "transform": 0}])
    for table in ("person", "failure"):
        op.add_column(table, sa.Column("tenant", sa.String, nullable=False, server_default="default"))
        op.create_index(f"ix_{table}_tenant", table, ["tenant"])
    op.add_column("template", sa.Column("transform", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_template_transform", "template", ["transform"])
