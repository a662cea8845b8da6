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
        "rules_file",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("accepted_at", tables.Instant(), nullable=True),
        sa.Column("refused_digest", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("file"),
    )
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
    op.add_column("message", sa.Column("moved_to", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("pace", sa.Column("calls", sa.Text(), server_default=sa.text("'[]'"), nullable=False))
    op.drop_column("pace", "arrival_at")


def downgrade() -> None:
    op.add_column("pace", sa.Column("arrival_at", sa.BIGINT(), nullable=False))
    op.drop_column("pace", "calls")
    op.drop_column("message", "moved_to")
    op.drop_index(
        "membership_moves",
        table_name="membership",
        sqlite_where=sa.text("moves_from IS NOT NULL"),
        postgresql_where=sa.text("moves_from IS NOT NULL"),
    )
    op.drop_column("membership", "moved_to")
    op.drop_column("membership", "rose")
    op.drop_column("membership", "moves_from")
    op.drop_index(
        "incident_freed",
        table_name="incident",
        sqlite_where=sa.text("freed_in IS NOT NULL"),
        postgresql_where=sa.text("freed_in IS NOT NULL"),
    )
    op.drop_column("incident", "freed_in")
    op.drop_column("conversation", "told_news")
    op.drop_column("alert_group", "held_rank")
    op.drop_table("rules_file")
