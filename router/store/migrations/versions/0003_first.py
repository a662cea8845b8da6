"""The first schema."""

import sqlalchemy as sa
from alembic import op

from router.store import tables

revision = "0003"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("fingerprint", tables.Fingerprint(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("severity_rank", sa.SmallInteger(), nullable=False),
        sa.Column("is_firing", sa.Boolean(), nullable=False),
        sa.Column("order_no", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", tables.InstantMs(), nullable=False),
        sa.Column("ends_at", tables.InstantMs(), nullable=True),
        sa.Column("ended_how", sa.Text(), nullable=True),
        sa.Column("changed_at", tables.InstantMs(), nullable=False),
        sa.Column("ttl", tables.Milliseconds(), nullable=True),
        sa.Column("ttl_is_presumed", sa.Boolean(), nullable=False),
        sa.Column("expires_at", tables.InstantMs(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sibling", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("namespace", "fingerprint"),
    )
    op.create_index(
        "alert_ended",
        "alert",
        ["ends_at"],
        unique=False,
        sqlite_where=sa.text("NOT is_firing"),
        postgresql_where=sa.text("NOT is_firing"),
    )
    op.create_index(
        "alert_expires",
        "alert",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("is_firing"),
        postgresql_where=sa.text("is_firing"),
    )
    op.create_index(
        "alert_sibling",
        "alert",
        ["sibling"],
        unique=False,
        sqlite_where=sa.text("sibling IS NOT NULL"),
        postgresql_where=sa.text("sibling IS NOT NULL"),
    )
    op.create_table(
        "conversation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("notifier", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("channel", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("next_at", tables.InstantMs(), nullable=False),
        sa.Column("next_post_at", tables.InstantMs(), nullable=True),
        sa.Column("claimed_until", tables.InstantMs(), nullable=True),
        sa.Column("claim_token", sa.Text(), nullable=True),
        sa.Column("claimed_message", sa.BigInteger(), nullable=True),
        sa.Column("refused", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("refused_at", tables.InstantMs(), nullable=True),
        sa.Column("posts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("notifier", "target"),
    )
    op.create_index(
        "conversation_refused",
        "conversation",
        ["notifier"],
        unique=False,
        sqlite_where=sa.text("refused <> ''"),
        postgresql_where=sa.text("refused <> ''"),
    )
    op.create_table(
        "heartbeat",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("created_at", tables.InstantMs(), nullable=False),
        sa.Column("last_at", tables.InstantMs(), nullable=True),
        sa.Column("due_at", tables.InstantMs(), nullable=True),
        sa.Column("missing_since", tables.InstantMs(), nullable=True),
        sa.PrimaryKeyConstraint("source", "name", "labels"),
    )
    op.create_table(
        "listening",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", tables.InstantMs(), nullable=False),
        sa.Column("until", tables.InstantMs(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "pace",
        sa.Column("notifier", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("calls", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("blocked_until", tables.InstantMs(), nullable=True),
        sa.Column("failing_since", tables.InstantMs(), nullable=True),
        sa.PrimaryKeyConstraint("notifier", "method"),
    )
    op.create_table(
        "preview",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("changed_at", tables.InstantMs(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("channel", "ts"),
        sqlite_autoincrement=True,
    )
    op.create_index("preview_changed", "preview", ["changed_at"], unique=False)
    op.create_index("preview_delivery", "preview", ["delivery_id"], unique=False)
    op.create_table(
        "rules_file",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("accepted_at", tables.InstantMs(), nullable=True),
        sa.Column("refused_digest", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.PrimaryKeyConstraint("file"),
    )
    op.create_table(
        "ruleset",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("suppressors", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("sweep", sa.Text(), nullable=True),
        sa.Column("swept_to", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("swept_since", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sweep_is_round", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "silence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.Column("starts_at", tables.InstantMs(), nullable=False),
        sa.Column("ends_at", tables.InstantMs(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", tables.InstantMs(), nullable=False),
        sa.Column("updated_at", tables.InstantMs(), nullable=False),
        sa.Column("remind_at", tables.InstantMs(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("silence_ends", "silence", ["ends_at"], unique=False)
    op.create_index(
        "silence_remind",
        "silence",
        ["remind_at"],
        unique=False,
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.create_table(
        "oncall_override",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("begins", tables.InstantMs(), nullable=False),
        sa.Column("ends", tables.InstantMs(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", tables.InstantMs(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("oncall_override_ends", "oncall_override", ["ends"], unique=False)
    op.create_table(
        "announcement",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", tables.InstantMs(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "kind"),
    )
    op.create_table(
        "settings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "source",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("heard_at", tables.InstantMs(), nullable=False),
        sa.Column("stale_since", tables.InstantMs(), nullable=True),
        sa.Column("fresh_since", tables.InstantMs(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "suppressed_summary",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("due_at", tables.InstantMs(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "kind", "name"),
    )
    op.create_index("suppressed_summary_due", "suppressed_summary", ["due_at"], unique=False)
    op.create_table(
        "alert_group",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("settings_id", sa.Text(), nullable=False),
        sa.Column("route_is_gone", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", tables.InstantMs(), nullable=False),
        sa.Column("arrived_since", tables.InstantMs(), nullable=True),
        sa.Column("evaluated_at", tables.InstantMs(), nullable=True),
        sa.Column("due_at", tables.InstantMs(), nullable=True),
        sa.Column("incident", sa.BigInteger(), nullable=True),
        sa.Column("suppressed_kind", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("suppressed_name", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("suppressed_rank", sa.SmallInteger(), nullable=True),
        sa.Column("waiting_since", tables.InstantMs(), nullable=True),
        sa.Column("waiting_until", tables.InstantMs(), nullable=True),
        sa.ForeignKeyConstraint(["settings_id"], ["settings.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("route", "labels"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "alert_group_due",
        "alert_group",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "alert_group_suppressed",
        "alert_group",
        ["suppressed_kind"],
        unique=False,
        sqlite_where=sa.text("suppressed_kind != ''"),
        postgresql_where=sa.text("suppressed_kind != ''"),
    )
    op.create_table(
        "inhibition_target",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("equal_values", sa.Text(), nullable=False),
        sa.Column(
            "alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("is_two_sided", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.PrimaryKeyConstraint("rule", "equal_values", "alert_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("inhibition_target_alert", "inhibition_target", ["alert_id"], unique=False)
    op.create_table(
        "inhibitor",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("equal_values", sa.Text(), nullable=False),
        sa.Column("is_two_sided", sa.Boolean(), nullable=False),
        sa.Column(
            "alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.PrimaryKeyConstraint("rule", "equal_values", "is_two_sided", "alert_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("inhibitor_alert", "inhibitor", ["alert_id"], unique=False)
    op.create_table(
        "sender_group",
        sa.Column("group_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("heard_at", tables.InstantMs(), nullable=False),
        sa.Column("absent_at", tables.InstantMs(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
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
    op.create_table(
        "group_count",
        sa.Column(
            "group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("state", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("rank", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("suppressed_kind", sa.Text(), nullable=False),
        sa.Column("suppressed_name", sa.Text(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["alert_group.id"]),
        sa.PrimaryKeyConstraint("group_id", "state", "rank", "suppressed_kind", "suppressed_name"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "group_count_suppressed",
        "group_count",
        ["suppressed_kind", "suppressed_name"],
        unique=False,
        sqlite_where=sa.text("suppressed_kind != ''"),
        postgresql_where=sa.text("suppressed_kind != ''"),
    )
    op.create_table(
        "group_source",
        sa.Column(
            "group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["alert_group.id"]),
        sa.PrimaryKeyConstraint("group_id", "source"),
        sqlite_with_rowid=False,
    )
    op.create_index("group_source_source", "group_source", ["source"], unique=False)
    op.create_table(
        "incident",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("group_labels", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("started_at", tables.InstantMs(), nullable=False),
        sa.Column("ended_at", tables.InstantMs(), nullable=True),
        sa.Column("ended_how", sa.Text(), nullable=True),
        sa.Column("alerts_ended", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened_at", tables.InstantMs(), nullable=False),
        sa.Column("thread_line_at", tables.InstantMs(), nullable=False),
        sa.Column("loud_at", tables.InstantMs(), nullable=False),
        sa.Column("loud_firing", sa.Integer(), nullable=False),
        sa.Column("loud_severity", sa.Text(), nullable=False),
        sa.Column("last_notified_at", tables.InstantMs(), nullable=False),
        sa.Column("seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("released_in", sa.Text(), nullable=True),
        sa.Column("response", sa.Text(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("response_ends_at", tables.InstantMs(), nullable=True),
        sa.Column("limit_at", tables.InstantMs(), nullable=True),
        sa.ForeignKeyConstraint(["group_id"], ["alert_group.id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("incident_open", "incident", ["state"], unique=False)
    op.create_index(
        "incident_limit",
        "incident",
        ["limit_at"],
        unique=False,
        sqlite_where=sa.text("limit_at IS NOT NULL"),
        postgresql_where=sa.text("limit_at IS NOT NULL"),
    )
    op.create_index(
        "incident_response_ends",
        "incident",
        ["response_ends_at"],
        unique=False,
        sqlite_where=sa.text("response_ends_at IS NOT NULL"),
        postgresql_where=sa.text("response_ends_at IS NOT NULL"),
    )
    op.create_table(
        "act",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident", sa.BigInteger(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", tables.InstantMs(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("act_at", "act", ["at"], unique=False)
    op.create_table(
        "account",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", tables.InstantMs(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "id"),
        sa.UniqueConstraint("workspace", "person"),
    )
    op.create_table(
        "sign_in",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("incident", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", tables.InstantMs(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("sign_in_account", "sign_in", ["account", "kind", "expires_at"], unique=False)
    op.create_index("sign_in_expires", "sign_in", ["expires_at"], unique=False)
    op.create_index(
        "incident_over",
        "incident",
        ["ended_at"],
        unique=False,
        sqlite_where=sa.text("state = 'resolved'"),
        postgresql_where=sa.text("state = 'resolved'"),
    )
    op.create_index(
        "incident_released",
        "incident",
        ["released_in", "opened_at"],
        unique=False,
        sqlite_where=sa.text("released_in IS NOT NULL"),
        postgresql_where=sa.text("released_in IS NOT NULL"),
    )
    op.create_table(
        "membership",
        sa.Column(
            "alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column(
            "group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("suppressed_kind", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("suppressed_name", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("joined_at", tables.InstantMs(), nullable=False),
        sa.Column("is_unasked", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("migrates_from", sa.BigInteger(), nullable=True),
        sa.Column("rose", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("moved_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.ForeignKeyConstraint(["group_id"], ["alert_group.id"]),
        sa.PrimaryKeyConstraint("alert_id", "group_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "membership_arriving",
        "membership",
        ["group_id"],
        unique=False,
        sqlite_where=sa.text("migrates_from IS NOT NULL"),
        postgresql_where=sa.text("migrates_from IS NOT NULL"),
    )
    op.create_index(
        "membership_migrates",
        "membership",
        ["migrates_from"],
        unique=False,
        sqlite_where=sa.text("migrates_from IS NOT NULL"),
        postgresql_where=sa.text("migrates_from IS NOT NULL"),
    )
    op.create_index("membership_of_group", "membership", ["group_id", "state", "rank", "alert_id"], unique=False)
    op.create_index(
        "membership_suppressed",
        "membership",
        ["suppressed_kind", "suppressed_name", "state"],
        unique=False,
        sqlite_where=sa.text("suppressed_kind != ''"),
        postgresql_where=sa.text("suppressed_kind != ''"),
    )
    op.create_index(
        "membership_unasked",
        "membership",
        ["group_id"],
        unique=False,
        sqlite_where=sa.text("is_unasked"),
        postgresql_where=sa.text("is_unasked"),
    )
    op.create_table(
        "fallback",
        sa.Column(
            "incident", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("notifier", sa.Text(), nullable=False),
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", tables.InstantMs(), nullable=False),
        sa.Column("until", tables.InstantMs(), nullable=True),
        sa.Column("message", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["incident"], ["incident.number"]),
        sa.PrimaryKeyConstraint("incident"),
    )
    op.create_table(
        "page",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("incident", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("due_at", tables.InstantMs(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("began_at", tables.InstantMs(), nullable=True),
        sa.Column("has_reached", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_stopped", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("moved_at", tables.InstantMs(), nullable=False),
        sa.Column("paged_at", tables.InstantMs(), nullable=True),
        sa.Column("awaited", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_step", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.Column("remind_at", tables.InstantMs(), nullable=True),
        sa.Column("is_hushed", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_asked", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "page_due",
        "page",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL AND NOT is_stopped"),
        postgresql_where=sa.text("due_at IS NOT NULL AND NOT is_stopped"),
    )
    op.create_index(
        "page_remind",
        "page",
        ["remind_at"],
        unique=False,
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.create_index("page_incident", "page", ["incident"], unique=False)
    op.create_index(
        "page_hushed",
        "page",
        ["incident"],
        unique=False,
        sqlite_where=sa.text("is_hushed"),
        postgresql_where=sa.text("is_hushed"),
    )
    op.create_table(
        "timeline",
        sa.Column("incident", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", tables.InstantMs(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("say_at", tables.InstantMs(), nullable=True),
        sa.Column("is_broadcast", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incident.number"]),
        sa.PrimaryKeyConstraint("incident", "seq"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("incident", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("page", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.Column("conversation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("is_copy", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("notified_version", sa.Integer(), nullable=False),
        sa.Column("due_since", tables.InstantMs(), nullable=False),
        sa.Column("thread_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("thread_due_at", tables.InstantMs(), nullable=True),
        sa.Column("ts", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("notified_at", tables.InstantMs(), nullable=True),
        sa.Column("posts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=True),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("intent_version", sa.Integer(), nullable=True),
        sa.Column("intent_seq", sa.Integer(), nullable=True),
        sa.Column("intent_at", tables.InstantMs(), nullable=True),
        sa.Column("intent_due_at", tables.InstantMs(), nullable=True),
        sa.Column("not_before", tables.InstantMs(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("degraded", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_over", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("word", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("text", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("mentions", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("tells_end", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("end_notified", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("stands_in_for", sa.BigInteger(), nullable=True),
        sa.Column("moved_to", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("ring_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ring_phase", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("told_phase", sa.Text(), server_default=sa.text("('')"), nullable=False),
        sa.Column("rings", sa.Boolean(), server_default=sa.text("1"), nullable=False),
        sa.Column("fell_back", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["conversation"], ["conversation.id"]),
        sa.ForeignKeyConstraint(["incident"], ["incident.number"]),
        sa.ForeignKeyConstraint(["page"], ["page.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "message_changes",
        "message",
        ["conversation", "due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND NOT tells_end"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND NOT tells_end"
        ),
    )
    op.create_index(
        "message_ends",
        "message",
        ["conversation", "due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND tells_end"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND tells_end"
        ),
    )
    op.create_index(
        "message_falls_back",
        "message",
        ["due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND notified_version < version AND ts = '' AND incident IS NOT NULL AND subject <> 'note' AND NOT tells_end AND NOT fell_back"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND notified_version < version AND ts = '' AND incident IS NOT NULL AND subject <> 'note' AND NOT tells_end AND NOT fell_back"
        ),
    )
    op.create_index(
        "message_first_word",
        "message",
        ["conversation", "rank", "due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
    )
    op.create_index(
        "message_first_word_age",
        "message",
        ["conversation", "due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
    )
    op.create_index(
        "message_has_line",
        "message",
        ["conversation", "thread_due_at"],
        unique=False,
        sqlite_where=sa.text("NOT is_over AND thread_due_at IS NOT NULL"),
        postgresql_where=sa.text("NOT is_over AND thread_due_at IS NOT NULL"),
    )
    op.create_index(
        "message_in_doubt",
        "message",
        ["conversation", "intent_due_at"],
        unique=False,
        sqlite_where=sa.text("NOT is_over AND delivery_id IS NOT NULL"),
        postgresql_where=sa.text("NOT is_over AND delivery_id IS NOT NULL"),
    )
    op.create_index("message_incident", "message", ["incident"], unique=False)
    op.create_index(
        "message_note",
        "message",
        ["conversation", "due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject = 'note'"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject = 'note'"
        ),
    )
    op.create_index(
        "message_of_page",
        "message",
        ["page", "conversation"],
        unique=False,
        sqlite_where=sa.text("page IS NOT NULL"),
        postgresql_where=sa.text("page IS NOT NULL"),
    )
    op.create_index(
        "message_owed",
        "message",
        ["conversation"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
    )
    op.create_index(
        "message_owed_since",
        "message",
        ["due_since"],
        unique=False,
        sqlite_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
    )
    op.create_index(
        "message_put_off",
        "message",
        ["conversation", "not_before"],
        unique=False,
        sqlite_where=sa.text("NOT is_over AND not_before IS NOT NULL"),
        postgresql_where=sa.text("NOT is_over AND not_before IS NOT NULL"),
    )
    op.create_index(
        "message_stands",
        "message",
        ["ts"],
        unique=False,
        sqlite_where=sa.text("ts <> ''"),
        postgresql_where=sa.text("ts <> ''"),
    )
    op.create_index(
        "message_stands_in",
        "message",
        ["stands_in_for"],
        unique=False,
        sqlite_where=sa.text("stands_in_for IS NOT NULL"),
        postgresql_where=sa.text("stands_in_for IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "message_stands_in",
        table_name="message",
        sqlite_where=sa.text("stands_in_for IS NOT NULL"),
        postgresql_where=sa.text("stands_in_for IS NOT NULL"),
    )
    op.drop_index(
        "message_stands",
        table_name="message",
        sqlite_where=sa.text("ts <> ''"),
        postgresql_where=sa.text("ts <> ''"),
    )
    op.drop_index(
        "message_put_off",
        table_name="message",
        sqlite_where=sa.text("NOT is_over AND not_before IS NOT NULL"),
        postgresql_where=sa.text("NOT is_over AND not_before IS NOT NULL"),
    )
    op.drop_index(
        "message_owed_since",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
    )
    op.drop_index(
        "message_owed",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
        ),
    )
    op.drop_index(
        "message_of_page",
        table_name="message",
        sqlite_where=sa.text("page IS NOT NULL"),
        postgresql_where=sa.text("page IS NOT NULL"),
    )
    op.drop_index(
        "message_note",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject = 'note'"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject = 'note'"
        ),
    )
    op.drop_index("message_incident", table_name="message")
    op.drop_index(
        "message_in_doubt",
        table_name="message",
        sqlite_where=sa.text("NOT is_over AND delivery_id IS NOT NULL"),
        postgresql_where=sa.text("NOT is_over AND delivery_id IS NOT NULL"),
    )
    op.drop_index(
        "message_has_line",
        table_name="message",
        sqlite_where=sa.text("NOT is_over AND thread_due_at IS NOT NULL"),
        postgresql_where=sa.text("NOT is_over AND thread_due_at IS NOT NULL"),
    )
    op.drop_index(
        "message_first_word_age",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
    )
    op.drop_index(
        "message_first_word",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts = '' AND subject <> 'note'"
        ),
    )
    op.drop_index(
        "message_falls_back",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND notified_version < version AND ts = '' AND incident IS NOT NULL AND subject <> 'note' AND NOT tells_end AND NOT fell_back"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND notified_version < version AND ts = '' AND incident IS NOT NULL AND subject <> 'note' AND NOT tells_end AND NOT fell_back"
        ),
    )
    op.drop_index(
        "message_ends",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND tells_end"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND tells_end"
        ),
    )
    op.drop_index(
        "message_changes",
        table_name="message",
        sqlite_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND NOT tells_end"
        ),
        postgresql_where=sa.text(
            "NOT is_over AND delivery_id IS NULL AND notified_version < version AND ts <> '' AND NOT tells_end"
        ),
    )
    op.drop_table("message")
    op.drop_table("timeline")
    op.drop_index(
        "page_hushed", table_name="page", sqlite_where=sa.text("is_hushed"), postgresql_where=sa.text("is_hushed")
    )
    op.drop_index("page_incident", table_name="page")
    op.drop_index(
        "page_remind",
        table_name="page",
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.drop_index(
        "page_due",
        table_name="page",
        sqlite_where=sa.text("due_at IS NOT NULL AND NOT is_stopped"),
        postgresql_where=sa.text("due_at IS NOT NULL AND NOT is_stopped"),
    )
    op.drop_table("page")
    op.drop_table("fallback")
    op.drop_index(
        "membership_unasked",
        table_name="membership",
        sqlite_where=sa.text("is_unasked"),
        postgresql_where=sa.text("is_unasked"),
    )
    op.drop_index(
        "membership_suppressed",
        table_name="membership",
        sqlite_where=sa.text("suppressed_kind != ''"),
        postgresql_where=sa.text("suppressed_kind != ''"),
    )
    op.drop_index("membership_of_group", table_name="membership")
    op.drop_index(
        "membership_migrates",
        table_name="membership",
        sqlite_where=sa.text("migrates_from IS NOT NULL"),
        postgresql_where=sa.text("migrates_from IS NOT NULL"),
    )
    op.drop_index(
        "membership_arriving",
        table_name="membership",
        sqlite_where=sa.text("migrates_from IS NOT NULL"),
        postgresql_where=sa.text("migrates_from IS NOT NULL"),
    )
    op.drop_table("membership")
    op.drop_index(
        "incident_over",
        table_name="incident",
        sqlite_where=sa.text("state = 'resolved'"),
        postgresql_where=sa.text("state = 'resolved'"),
    )
    op.drop_index(
        "incident_released",
        table_name="incident",
        sqlite_where=sa.text("released_in IS NOT NULL"),
        postgresql_where=sa.text("released_in IS NOT NULL"),
    )
    op.drop_index("sign_in_expires", table_name="sign_in")
    op.drop_index("sign_in_account", table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_table("account")
    op.drop_index("act_at", table_name="act")
    op.drop_table("act")
    op.drop_index(
        "incident_response_ends",
        table_name="incident",
        sqlite_where=sa.text("response_ends_at IS NOT NULL"),
        postgresql_where=sa.text("response_ends_at IS NOT NULL"),
    )
    op.drop_index(
        "incident_limit",
        table_name="incident",
        sqlite_where=sa.text("limit_at IS NOT NULL"),
        postgresql_where=sa.text("limit_at IS NOT NULL"),
    )
    op.drop_index("incident_open", table_name="incident")
    op.drop_table("incident")
    op.drop_index("group_source_source", table_name="group_source")
    op.drop_table("group_source")
    op.drop_index(
        "group_count_suppressed",
        table_name="group_count",
        sqlite_where=sa.text("suppressed_kind != ''"),
        postgresql_where=sa.text("suppressed_kind != ''"),
    )
    op.drop_table("group_count")
    op.drop_index("sender_group_alert", table_name="sender_group")
    op.drop_index(
        "sender_group_absent",
        table_name="sender_group",
        sqlite_where=sa.text("absent_at IS NOT NULL"),
        postgresql_where=sa.text("absent_at IS NOT NULL"),
    )
    op.drop_table("sender_group")
    op.drop_index("inhibitor_alert", table_name="inhibitor")
    op.drop_table("inhibitor")
    op.drop_index("inhibition_target_alert", table_name="inhibition_target")
    op.drop_table("inhibition_target")
    op.drop_index(
        "alert_group_suppressed",
        table_name="alert_group",
        sqlite_where=sa.text("suppressed_kind != ''"),
        postgresql_where=sa.text("suppressed_kind != ''"),
    )
    op.drop_index(
        "alert_group_due",
        table_name="alert_group",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("alert_group")
    op.drop_index("suppressed_summary_due", table_name="suppressed_summary")
    op.drop_table("suppressed_summary")
    op.drop_table("source")
    op.drop_table("settings")
    op.drop_table("ruleset")
    op.drop_index(
        "silence_remind",
        table_name="silence",
        sqlite_where=sa.text("remind_at IS NOT NULL"),
        postgresql_where=sa.text("remind_at IS NOT NULL"),
    )
    op.drop_index("silence_ends", table_name="silence")
    op.drop_table("silence")
    op.drop_index("oncall_override_ends", table_name="oncall_override")
    op.drop_table("oncall_override")
    op.drop_table("announcement")
    op.drop_table("rules_file")
    op.drop_index("preview_delivery", table_name="preview")
    op.drop_index("preview_changed", table_name="preview")
    op.drop_table("preview")
    op.drop_table("pace")
    op.drop_table("listening")
    op.drop_table("heartbeat")
    op.drop_index(
        "conversation_refused",
        table_name="conversation",
        sqlite_where=sa.text("refused <> ''"),
        postgresql_where=sa.text("refused <> ''"),
    )
    op.drop_table("conversation")
    op.drop_index(
        "alert_sibling",
        table_name="alert",
        sqlite_where=sa.text("sibling IS NOT NULL"),
        postgresql_where=sa.text("sibling IS NOT NULL"),
    )
    op.drop_index(
        "alert_expires", table_name="alert", sqlite_where=sa.text("is_firing"), postgresql_where=sa.text("is_firing")
    )
    op.drop_index(
        "alert_ended",
        table_name="alert",
        sqlite_where=sa.text("NOT is_firing"),
        postgresql_where=sa.text("NOT is_firing"),
    )
    op.drop_table("alert")
