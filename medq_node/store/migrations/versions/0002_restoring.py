"""Options of rules that restore, what they overrode, and alarms about engines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this version."""
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("restoring", sa.JSON(), nullable=True))
    with op.batch_alter_table("assessment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("overridden", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("alarms", sa.JSON(), nullable=False, server_default="[]"))
