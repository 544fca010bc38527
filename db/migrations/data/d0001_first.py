"""People, sealed templates and details, login attempts, the gallery."""

import sqlalchemy as sa
from alembic import op

revision = "d0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("consent_at", sa.DateTime, nullable=False),
        sa.Column("last_login_at", sa.DateTime),
        sa.Column("flagged", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("ix_person_number", "person", ["number"], unique=True)
    op.create_index("ix_person_revision", "person", ["revision"])
    op.create_table(
        "template",
        sa.Column("template_id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("person.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("model_id", sa.String, nullable=False),
        sa.Column("capture", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_template_user_id", "template", ["user_id"])
    op.create_table(
        "detail",
        sa.Column("detail_id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("person.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_detail_user_id", "detail", ["user_id"])
    op.create_table(
        "attempt",
        sa.Column("attempt_id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("outcome", sa.String, nullable=False),
    )
    op.create_index("ix_attempt_user_id", "attempt", ["user_id"])
    gallery = op.create_table(
        "gallery",
        sa.Column("gallery_id", sa.Integer, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("dirty", sa.Boolean, nullable=False),
    )
    op.bulk_insert(gallery, [{"gallery_id": 1, "revision": 0, "people": 0, "dirty": False}])
