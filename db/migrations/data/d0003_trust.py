"""Consent, the audit log in the place of login attempts, and failures in a row."""

import sqlalchemy as sa
from alembic import op

revision = "d0003"
down_revision = "d0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("person.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("uses", sa.String, nullable=False),
    )
    op.create_index("ix_consent_user_id", "consent", ["user_id"])
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("person", sa.String),
        sa.Column("details", sa.String, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("code", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_audit_person", "audit", ["person"])
    tail = op.create_table(
        "audit_tail",
        sa.Column("tail_id", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("code", sa.LargeBinary, nullable=False),
    )
    op.bulk_insert(tail, [{"tail_id": 1, "number": 0, "code": bytes(32)}])
    op.create_table(
        "failure",
        sa.Column("subject", sa.String, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failed_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_failure_failed_at", "failure", ["failed_at"])
    op.drop_index("ix_attempt_user_id", "attempt")
    op.drop_table("attempt")
