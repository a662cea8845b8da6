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
    op.create_table(
        "sender_group",
        sa.Column("group_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("heard_at", tables.Instant(), nullable=False),
        sa.Column("absent_at", tables.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alert.id"],
        ),
        sa.PrimaryKeyConstraint("group_no", "alert_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "sender_group_absent",
        "sender_group",
        ["absent_at"],
        unique=False,
        sqlite_where=sa.text("absent_at IS NOT NULL"),
        postgresql_where=sa.text("absent_at IS NOT NULL"),
    )
    op.create_index("sender_group_alert", "sender_group", ["alert_id"], unique=False)
    op.add_column("source", sa.Column("silent_since", tables.Instant(), nullable=True))
    op.add_column("source", sa.Column("speaks_since", tables.Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "speaks_since")
    op.drop_column("source", "silent_since")
    op.drop_index("sender_group_alert", table_name="sender_group")
    op.drop_index(
        "sender_group_absent",
        table_name="sender_group",
        sqlite_where=sa.text("absent_at IS NOT NULL"),
        postgresql_where=sa.text("absent_at IS NOT NULL"),
    )
    op.drop_table("sender_group")
    op.drop_table("heartbeat")
