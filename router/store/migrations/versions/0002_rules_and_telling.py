"""What copies, moves, several files and heartbeats need."""

import sqlalchemy as sa
from alembic import op

from router.store import tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("created_at", tables.Instant(), nullable=False),
        sa.Column("last_at", tables.Instant(), nullable=True),
        sa.Column("due_at", tables.Instant(), nullable=True),
        sa.Column("missing_since", tables.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("source", "name", "labels"),
    )
    op.add_column("source", sa.Column("silent_since", tables.Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "silent_since")
    op.drop_table("heartbeat")
