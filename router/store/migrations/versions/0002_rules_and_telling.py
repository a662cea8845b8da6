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
        "rules_file",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("accepted_at", tables.Instant(), nullable=True),
        sa.Column("refused_digest", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("file"),
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
    op.add_column("alert_group", sa.Column("held_rank", sa.SmallInteger(), nullable=True))
    op.add_column("conversation", sa.Column("told_news", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("incident", sa.Column("freed_in", sa.Text(), nullable=True))
    op.create_index(
        "incident_freed",
        "incident",
        ["freed_in", "opened_at"],
        unique=False,
        sqlite_where=sa.text("freed_in IS NOT NULL"),
        postgresql_where=sa.text("freed_in IS NOT NULL"),
    )
    op.add_column("membership", sa.Column("is_unasked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("membership", sa.Column("moves_from", sa.BigInteger(), nullable=True))
    op.add_column("membership", sa.Column("rose", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("membership", sa.Column("moved_to", sa.BigInteger(), nullable=True))
    op.create_index(
        "membership_moves",
        "membership",
        ["moves_from"],
        unique=False,
        sqlite_where=sa.text("moves_from IS NOT NULL"),
        postgresql_where=sa.text("moves_from IS NOT NULL"),
    )
    op.add_column("message", sa.Column("is_copy", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("message", sa.Column("moved_to", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("pace", sa.Column("calls", sa.Text(), server_default=sa.text("'[]'"), nullable=False))
    op.drop_column("pace", "arrival_at")
    op.add_column("source", sa.Column("silent_since", tables.Instant(), nullable=True))
    op.add_column("source", sa.Column("speaks_since", tables.Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "speaks_since")
    op.drop_column("source", "silent_since")
    op.add_column("pace", sa.Column("arrival_at", sa.BIGINT(), nullable=False))
    op.drop_column("pace", "calls")
    op.drop_column("message", "moved_to")
    op.drop_column("message", "is_copy")
    op.drop_index(
        "membership_moves",
        table_name="membership",
        sqlite_where=sa.text("moves_from IS NOT NULL"),
        postgresql_where=sa.text("moves_from IS NOT NULL"),
    )
    op.drop_column("membership", "moved_to")
    op.drop_column("membership", "rose")
    op.drop_column("membership", "moves_from")
    op.drop_column("membership", "is_unasked")
    op.drop_index(
        "incident_freed",
        table_name="incident",
        sqlite_where=sa.text("freed_in IS NOT NULL"),
        postgresql_where=sa.text("freed_in IS NOT NULL"),
    )
    op.drop_column("incident", "freed_in")
    op.drop_column("conversation", "told_news")
    op.drop_column("alert_group", "held_rank")
    op.drop_index("sender_group_alert", table_name="sender_group")
    op.drop_index(
        "sender_group_absent",
        table_name="sender_group",
        sqlite_where=sa.text("absent_at IS NOT NULL"),
        postgresql_where=sa.text("absent_at IS NOT NULL"),
    )
    op.drop_table("sender_group")
    op.drop_table("rules_file")
    op.drop_table("heartbeat")
