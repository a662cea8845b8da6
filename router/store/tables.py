"""The schema, for SQLite and PostgreSQL alike. Instants are integer milliseconds UTC, JSON is text.

Migrations in `migrations/` create it; this file is what statements are written against, and a test holds the two equal.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
    true,
)

from router.runtime.clock import from_ms, to_ms

_MILLISECOND = timedelta(milliseconds=1)
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only in INTEGER PRIMARY KEY


class InstantMs(TypeDecorator[datetime]):
    """Aware UTC outside, integer milliseconds inside."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else to_ms(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_ms(value)


class Milliseconds(TypeDecorator[timedelta]):
    """A duration, integer milliseconds inside."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else value // _MILLISECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> timedelta | None:  # noqa: ARG002
        return None if value is None else value * _MILLISECOND


class Fingerprint(TypeDecorator[str]):
    """16 hex digits outside, a signed 64-bit number inside: a third of the index, and of what a commit writes."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else fingerprint_no(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else fingerprint_of(value)


def fingerprint_no(fingerprint: str) -> int:
    """The number that is stored for a fingerprint."""
    value = int(fingerprint, 16)
    return value - (1 << 64) if value >> 63 else value


def fingerprint_of(number: int) -> str:
    """The fingerprint that is stored as this number."""
    return f"{number & 0xFFFFFFFFFFFFFFFF:016x}"


metadata = MetaData()

alert = Table(
    "alert",
    metadata,
    # Rows are appended and never move; only the unique index is written at random places.
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("namespace", Text, nullable=False),
    Column("fingerprint", Fingerprint, nullable=False),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("severity_rank", SmallInteger, nullable=False),
    Column("is_firing", Boolean, nullable=False),
    Column("order_no", BigInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("starts_at", InstantMs, nullable=False),  # the earliest of the episode
    Column("ends_at", InstantMs),
    Column("ended_how", Text),
    Column("changed_at", InstantMs, nullable=False),
    Column("ttl", Milliseconds),
    Column("ttl_is_presumed", Boolean, nullable=False),
    Column("expires_at", InstantMs),
    Column("document", Text, nullable=False),
    Column("sibling", BigInteger),  # a hash of its labels but the one that says the severity, where one does
    Index(
        "alert_sibling",
        "sibling",
        sqlite_where=text("sibling IS NOT NULL"),
        postgresql_where=text("sibling IS NOT NULL"),
    ),
    Index("alert_expires", "expires_at", sqlite_where=text("is_firing"), postgresql_where=text("is_firing")),
    Index("alert_ended", "ends_at", sqlite_where=text("NOT is_firing"), postgresql_where=text("NOT is_firing")),
    UniqueConstraint("namespace", "fingerprint"),
)

membership = Table(
    "membership",
    metadata,
    # By alert: new alerts are appended, and what a group asks for is all in its index.
    Column("alert_id", _Id, ForeignKey("alert.id"), primary_key=True, autoincrement=False),
    Column("group_id", _Id, ForeignKey("alert_group.id"), primary_key=True, autoincrement=False),
    Column("state", SmallInteger, nullable=False),  # core.member.MemberState
    Column("rank", SmallInteger, nullable=False),  # the alert's severity: a group asks for its worst
    Column("suppressed_kind", Text, nullable=False, server_default=text("''")),  # maintenance | silence | inhibition
    Column("suppressed_name", Text, nullable=False, server_default=text("''")),
    Column("joined_at", InstantMs, nullable=False),
    Column(
        "is_unasked", Boolean, nullable=False, server_default=false()
    ),  # notified, and no copy was asked about it since
    Column("migrates_from", BigInteger),  # the group that was notified of this alert before it changed and came here
    Column("rose", Boolean, nullable=False, server_default=false()),  # its severity did, when it came
    Column("moved_to", BigInteger),  # the incident that has it now: this group is told where it went
    Index("membership_of_group", "group_id", "state", "rank", "alert_id"),
    Index(
        "membership_unasked",
        "group_id",
        sqlite_where=text("is_unasked"),
        postgresql_where=text("is_unasked"),
    ),
    Index(
        "membership_migrates",
        "migrates_from",
        sqlite_where=text("migrates_from IS NOT NULL"),
        postgresql_where=text("migrates_from IS NOT NULL"),
    ),
    Index(
        "membership_arriving",
        "group_id",
        sqlite_where=text("migrates_from IS NOT NULL"),
        postgresql_where=text("migrates_from IS NOT NULL"),
    ),
    Index(
        "membership_suppressed",
        "suppressed_kind",
        "suppressed_name",
        "state",
        sqlite_where=text("suppressed_kind != ''"),
        postgresql_where=text("suppressed_kind != ''"),
    ),
    sqlite_with_rowid=False,
)

# How many members a group has of each kind: changed in the transaction that changes `membership`, equal to a recount.
group_count = Table(
    "group_count",
    metadata,
    Column("group_id", _Id, ForeignKey("alert_group.id"), primary_key=True, autoincrement=False),
    Column("state", SmallInteger, primary_key=True, autoincrement=False),
    Column("rank", SmallInteger, primary_key=True, autoincrement=False),
    Column("suppressed_kind", Text, primary_key=True),
    Column("suppressed_name", Text, primary_key=True),
    Column("alerts", Integer, nullable=False),
    Index(
        "group_count_suppressed",
        "suppressed_kind",
        "suppressed_name",
        sqlite_where=text("suppressed_kind != ''"),
        postgresql_where=text("suppressed_kind != ''"),
    ),
    sqlite_with_rowid=False,
)

# Who sent the alerts that a group has had since it was last empty.
group_source = Table(
    "group_source",
    metadata,
    Column("group_id", _Id, ForeignKey("alert_group.id"), primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Index("group_source_source", "source"),
    sqlite_with_rowid=False,
)

alert_group = Table(
    "alert_group",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("route", Text, nullable=False),
    Column("labels", Text, nullable=False),  # [[name, value], …] sorted: with the route, the group's key
    Column("settings_id", Text, ForeignKey("settings.id"), nullable=False),
    Column("route_is_gone", Boolean, nullable=False, server_default=false()),
    Column("created_at", InstantMs, nullable=False),
    Column(
        "arrived_since", InstantMs
    ),  # since when somebody has arrived of whom nobody was notified; NULL: there is none
    Column("evaluated_at", InstantMs),
    Column("due_at", InstantMs),
    Column("incident", BigInteger),
    Column("suppressed_kind", Text, nullable=False, server_default=text("''")),  # quiet | only | gone: the route itself
    Column("suppressed_name", Text, nullable=False, server_default=text("''")),
    Column("suppressed_rank", SmallInteger),  # of the worst alert that a window or a maintenance held at the last look
    Column("waiting_since", InstantMs),  # group_wait counts from it: the first of what nobody was told yet joined
    Column("waiting_until", InstantMs),  # none of them fires any more: forgotten then
    UniqueConstraint("route", "labels"),
    Index(
        "alert_group_suppressed",
        "suppressed_kind",
        sqlite_where=text("suppressed_kind != ''"),
        postgresql_where=text("suppressed_kind != ''"),
    ),
    Index(
        "alert_group_due",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    metadata,
    Column("id", Text, primary_key=True),  # a hash of the document
    Column("document", Text, nullable=False),
)

ruleset = Table(
    "ruleset",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),  # of the rules that every stored alert was last routed by
    Column(
        "suppressors", Text, nullable=False, server_default=text("''")
    ),  # a digest of the maintenances and silences that every alert was held against
    Column("sweep", Text),  # of those that alerts are being held against now; NULL: none are
    Column(
        "swept_to", BigInteger, nullable=False, server_default=text("0")
    ),  # up to this alert; -1: what is over lets go
    Column("swept_since", BigInteger, nullable=False, server_default=text("0")),  # those up to this alert come last
    Column("sweep_is_round", Boolean, nullable=False, server_default=false()),  # they are being looked at
)

# Made by people at run time, and kept for a while when they are over.
silence = Table(
    "silence",
    metadata,
    Column("id", Text, primary_key=True),  # a UUID
    Column("matchers", Text, nullable=False),  # [[name, operator, value], …]
    Column("starts_at", InstantMs, nullable=False),
    Column("ends_at", InstantMs, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", InstantMs, nullable=False),
    Column("updated_at", InstantMs, nullable=False),
    Column("remind_at", InstantMs),  # when its author is told that it ends soon; NULL: was told, or is not
    Index("silence_ends", "ends_at"),
    Index(
        "silence_remind",
        "remind_at",
        sqlite_where=text("remind_at IS NOT NULL"),
        postgresql_where=text("remind_at IS NOT NULL"),
    ),
)

# Who is on call instead of whose turn it is, as people said at run time; kept for a while when it is over.
oncall_override = Table(
    "oncall_override",
    metadata,
    Column("number", _Id, primary_key=True, autoincrement=True),
    Column("schedule", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("begins", InstantMs, nullable=False),
    Column("ends", InstantMs, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", InstantMs, nullable=False),
    Column("why", Text, nullable=False),
    Column("ended_by", Text, nullable=False),  # before its time; "": nobody did
    Index("oncall_override_ends", "ends"),
    sqlite_autoincrement=True,
)

# What was said of schedules in their channels, or is too old to be said.
announcement = Table(
    "announcement",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # handover | morning
    Column("at", InstantMs, nullable=False),
    Column("person", Text, nullable=False),  # who was on call from then on
)

rules_file = Table(
    "rules_file",
    metadata,
    Column("file", Text, primary_key=True),  # relative to the main file
    Column("team", Text, nullable=False),
    Column("contact", Text, nullable=False),  # rules.configuration.TeamContact, of the last text that could be read
    Column("text", Text),  # the last accepted one; NULL: none was
    Column("accepted_at", InstantMs),
    Column(
        "refused_digest", Text, nullable=False, server_default=text("''")
    ),  # of the text its owner was told is refused
)

# Firing alerts that inhibit others, by what they meet in: an inhibition and the values of its `equal` labels. `is_two_sided`
# stands in the key so that "does any one-sided fire" is one look at the index.
inhibitor = Table(
    "inhibitor",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("equal_values", Text, primary_key=True),
    Column("is_two_sided", Boolean, primary_key=True),
    Column("alert_id", _Id, ForeignKey("alert.id"), primary_key=True, autoincrement=False),
    Index("inhibitor_alert", "alert_id"),
    sqlite_with_rowid=False,
)

# Firing alerts that are inhibited while one of those fires.
inhibition_target = Table(
    "inhibition_target",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("equal_values", Text, primary_key=True),
    Column("alert_id", _Id, ForeignKey("alert.id"), primary_key=True, autoincrement=False),
    Column("is_two_sided", Boolean, nullable=False),
    Index("inhibition_target_alert", "alert_id"),
    sqlite_with_rowid=False,
)

IS_OVER = "state = 'resolved'"
"""Of an incident."""

incident = Table(
    "incident",
    metadata,
    Column("number", _Id, primary_key=True, autoincrement=True),
    Column("group_id", _Id, ForeignKey("alert_group.id"), nullable=False),
    Column("route", Text, nullable=False),
    Column("group_labels", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("started_at", InstantMs, nullable=False),
    Column("ended_at", InstantMs),
    Column("ended_how", Text),
    Column("alerts_ended", Integer, nullable=False, server_default=text("0")),
    Column("opened_at", InstantMs, nullable=False),
    Column("thread_line_at", InstantMs, nullable=False),  # the last thread line, said or planned
    Column("loud_at", InstantMs, nullable=False),
    Column("loud_firing", Integer, nullable=False),
    Column("loud_severity", Text, nullable=False),
    Column("last_notified_at", InstantMs, nullable=False),  # the repeat clock
    Column("seq", Integer, nullable=False, server_default=text("0")),
    Column("view", Text, nullable=False),
    Column("released_in", Text),  # it was held back until it opened: its home channel
    Column("response", Text, nullable=False, server_default=text("'{}'")),  # core.view.Response
    Column("response_ends_at", InstantMs),  # when its phase ends by itself; NULL: never, or nothing fires
    Column("limit_at", InstantMs),  # when it is asked whether a limit of its route's was kept; NULL: none is left
    Index("incident_open", "state"),
    Index("incident_over", "ended_at", sqlite_where=text(IS_OVER), postgresql_where=text(IS_OVER)),
    Index(
        "incident_limit",
        "limit_at",
        sqlite_where=text("limit_at IS NOT NULL"),
        postgresql_where=text("limit_at IS NOT NULL"),
    ),
    Index(
        "incident_response_ends",
        "response_ends_at",
        sqlite_where=text("response_ends_at IS NOT NULL"),
        postgresql_where=text("response_ends_at IS NOT NULL"),
    ),
    Index(
        "incident_released",
        "released_in",
        "opened_at",
        sqlite_where=text("released_in IS NOT NULL"),
        postgresql_where=text("released_in IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

timeline = Table(
    "timeline",
    metadata,
    Column("incident", _Id, ForeignKey("incident.number"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", InstantMs, nullable=False),
    Column("kind", Text, nullable=False),
    Column("say_at", InstantMs),  # when the thread at home hears it; NULL: never
    Column("is_broadcast", Boolean, nullable=False),
    Column("document", Text, nullable=False),
)

# What people did, and what they were answered: what is sent again is the same act.
act = Table(
    "act",
    metadata,
    Column("key", Text, primary_key=True),  # as its sender names it
    Column("incident", BigInteger, nullable=False),
    Column("verb", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", InstantMs, nullable=False),
    Column("answer", Text, nullable=False),  # incidents.respond.Answer
    Index("act_at", "at"),
)

# Which person of the rules a Slack account is, where an admin said it: one account a person, one person an account.
account = Table(
    "account",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("id", Text, primary_key=True),  # Slack's, of the user
    Column("person", Text, nullable=False),
    Column("by", Text, nullable=False),  # who said it, by name
    Column("at", InstantMs, nullable=False),
    UniqueConstraint("workspace", "person"),
)

# Browsers in which somebody is signed in, and personal links that nobody has used yet. Of a secret its hash alone is kept.
sign_in = Table(
    "sign_in",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # link | session
    Column("account", Text, nullable=False),  # Slack's id of the user
    Column("name", Text, nullable=False),  # as Slack shows them
    Column("incident", BigInteger),  # where a link leads; NULL: nowhere in particular
    Column("expires_at", InstantMs, nullable=False),
    Index("sign_in_account", "account", "kind", "expires_at"),
    Index("sign_in_expires", "expires_at"),
)

IS_REFUSED = "refused <> ''"
"""Of a conversation."""

conversation = Table(
    "conversation",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("notifier", Text, nullable=False),  # the name of whoever calls there
    Column("target", Text, nullable=False),  # as written: "#alerts", "C…", "email:…", "U…"
    Column("person", Text, nullable=False, server_default=text("''")),
    Column("channel", Text, nullable=False, server_default=text("''")),
    Column("next_at", InstantMs, nullable=False),
    Column("next_post_at", InstantMs),  # of posts and replies; edits do not wait for it
    Column("claimed_until", InstantMs),
    Column("claim_token", Text),
    Column("claimed_message", BigInteger),
    Column("refused", Text, nullable=False, server_default=text("''")),
    Column("refused_at", InstantMs),  # since when
    Column("posts", Integer, nullable=False, server_default=text("0")),  # at an odd number age goes before severity
    UniqueConstraint("notifier", "target"),
    Index(
        "conversation_refused",
        "notifier",
        sqlite_where=text(IS_REFUSED),
        postgresql_where=text(IS_REFUSED),
    ),
)

OWED = "NOT is_over AND (notified_version < version OR thread_due_at IS NOT NULL OR delivery_id IS NOT NULL)"
"""Of a message: there is something to do about it. Word for word as the statements say it, or no index serves them."""
IN_DOUBT = "NOT is_over AND delivery_id IS NOT NULL"
"""It may have been sent."""
_BEHIND = "NOT is_over AND delivery_id IS NULL AND notified_version < version"
FIRST_WORD = f"{_BEHIND} AND ts = '' AND subject <> 'note'"
NOTE = f"{_BEHIND} AND ts = '' AND subject = 'note'"
ENDS = f"{_BEHIND} AND ts <> '' AND tells_end"
CHANGES = f"{_BEHIND} AND ts <> '' AND NOT tells_end"
HAS_LINE = "NOT is_over AND thread_due_at IS NOT NULL"
IS_PUT_OFF = "NOT is_over AND not_before IS NOT NULL"
STANDS = "ts <> ''"
"""It was posted."""
FALLS_BACK = (
    "NOT is_over AND notified_version < version AND ts = '' AND incident IS NOT NULL AND subject <> 'note'"
    " AND NOT tells_end AND NOT fell_back"
)
"""A first word about what goes on: Slack's fallback may have to be called for it."""


def _owed(name: str, where: str, *columns: str) -> Index:
    """Of what is owed in a conversation: as small as that, however much was told before."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


message = Table(
    "message",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("subject", Text, nullable=False),  # incident | page | note | post
    Column("incident", _Id, ForeignKey("incident.number")),
    Column("page", _Id, ForeignKey("page.id")),
    Column("entry", Integer),  # note: the timeline entry it tells
    Column("conversation", _Id, ForeignKey("conversation.id"), nullable=False),
    Column("is_primary", Boolean, nullable=False),
    Column("is_copy", Boolean, nullable=False, server_default=false()),  # stays to the end, whichever group owns it
    Column("rank", SmallInteger, nullable=False),  # of the severity: the order of first words
    Column("version", Integer, nullable=False),
    Column("notified_version", Integer, nullable=False),
    Column("due_since", InstantMs, nullable=False),
    Column("thread_seq", Integer, nullable=False, server_default=text("0")),
    Column("thread_due_at", InstantMs),
    Column("ts", Text, nullable=False, server_default=text("''")),
    Column("notified_at", InstantMs),
    Column(
        "posts", Integer, nullable=False, server_default=text("0")
    ),  # how often it began anew: part of the delivery id
    Column("delivery_id", Text),
    Column("intent", Text),  # post | reply
    Column("intent_version", Integer),
    Column("intent_seq", Integer),  # the last timeline entry that the post or reply tells
    Column("intent_at", InstantMs),
    Column("intent_due_at", InstantMs),  # when what may have happened may be looked into
    Column("not_before", InstantMs),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("degraded", SmallInteger, nullable=False, server_default=text("0")),
    Column("is_over", Boolean, nullable=False, server_default=false()),  # nothing more is owed: dropped or given up
    Column("last_error", Text, nullable=False, server_default=text("''")),
    Column("word", Text, nullable=False, server_default=text("''")),  # why it stands here and not where it belongs
    Column("text", Text, nullable=False, server_default=text("''")),  # post: what it says. Page, note: why this person
    Column("mentions", Text, nullable=False, server_default=text("''")),  # post: [core.content.Mention, …]; "": none
    Column("tells_end", Boolean, nullable=False, server_default=false()),  # the incident is over, at least here
    Column("end_notified", Boolean, nullable=False, server_default=false()),  # what was last told said so
    Column("stands_in_for", BigInteger),  # the message whose channel refuses: it is told here meanwhile
    Column("moved_to", Text, nullable=False, server_default=text("''")),  # it ends here, the incident went on there
    Column(
        "ring_version", Integer, nullable=False, server_default=text("0")
    ),  # where nothing can be edited, it is told anew from this version on
    Column("ring_phase", Text, nullable=False, server_default=text("'open'")),  # as what it is: core.view.Phase
    Column(
        "told_phase", Text, nullable=False, server_default=text("''")
    ),  # as what it was told last, or may have been; "": nobody knows it there
    Column(
        "rings", Boolean, nullable=False, server_default=true()
    ),  # it does so by itself when the incident comes back or gets worse
    Column(
        "fell_back", Boolean, nullable=False, server_default=false()
    ),  # whether to call Slack's fallback was decided
    _owed("message_owed", OWED, "conversation"),
    _owed("message_owed_since", OWED, "due_since"),
    _owed("message_in_doubt", IN_DOUBT, "conversation", "intent_due_at"),
    _owed("message_first_word", FIRST_WORD, "conversation", "rank", "due_since"),
    _owed("message_first_word_age", FIRST_WORD, "conversation", "due_since"),
    _owed("message_note", NOTE, "conversation", "due_since"),
    _owed("message_ends", ENDS, "conversation", "due_since"),
    _owed("message_changes", CHANGES, "conversation", "due_since"),
    _owed("message_has_line", HAS_LINE, "conversation", "thread_due_at"),
    _owed("message_put_off", IS_PUT_OFF, "conversation", "not_before"),
    _owed("message_falls_back", FALLS_BACK, "due_since"),
    _owed("message_stands_in", "stands_in_for IS NOT NULL", "stands_in_for"),
    _owed("message_of_page", "page IS NOT NULL", "page", "conversation"),
    _owed("message_stands", STANDS, "ts"),
    Index("message_incident", "incident"),
)

STEP_DUE = "due_at IS NOT NULL AND NOT is_stopped"
"""Of a page: a step is to come."""

page = Table(
    "page",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("incident", _Id, ForeignKey("incident.number"), nullable=False),
    Column("document", Text, nullable=False),  # rules.route.Page as it was when the incident opened
    Column("due_at", InstantMs),  # of the step that comes next. NULL: none does, or not by itself
    Column("round", Integer, nullable=False),  # of its policy, from 1. 0: it carries out none, or another page does
    Column("step", Integer, nullable=False),  # that comes next, from 1. 0: none is left
    Column("began_at", InstantMs),  # when the round did; NULL while nobody knows when it will
    Column("has_reached", Boolean, nullable=False, server_default=false()),  # a step of the round has reached somebody
    Column("is_stopped", Boolean, nullable=False, server_default=false()),  # its position is kept, and nothing is due
    Column("moved_at", InstantMs, nullable=False),  # when all this was written down
    Column("paged_at", InstantMs),  # when a step was carried out last
    Column("awaited", Integer, nullable=False, server_default=text("0")),  # people of the last step who may hear it yet
    Column("next_step", Text, nullable=False, server_default=text("''")),  # whom the next one reaches, in words
    Column(
        "entry", Integer
    ),  # timeline entry that who was paged is to hear of at remind_at, when the page's window opens
    Column("remind_at", InstantMs),
    Column(
        "is_hushed", Boolean, nullable=False, server_default=false()
    ),  # it waits for what holds its incident's alerts
    Column(
        "is_asked", Boolean, nullable=False, server_default=false()
    ),  # somebody named whom it reaches: no page of the route's
    Index("page_hushed", "incident", sqlite_where=text("is_hushed"), postgresql_where=text("is_hushed")),
    Index("page_due", "due_at", sqlite_where=text(STEP_DUE), postgresql_where=text(STEP_DUE)),
    Index(
        "page_remind",
        "remind_at",
        sqlite_where=text("remind_at IS NOT NULL"),
        postgresql_where=text("remind_at IS NOT NULL"),
    ),
    Index("page_incident", "incident"),
)

# Incidents for which Slack's fallback was called, once each.
fallback = Table(
    "fallback",
    metadata,
    Column("incident", _Id, ForeignKey("incident.number"), primary_key=True, autoincrement=False),
    Column("notifier", Text, nullable=False),  # who could not tell it
    Column("webhook", Text, nullable=False),  # who was called instead
    Column("why", Text, nullable=False),
    Column("since", InstantMs, nullable=False),  # since when it could not be told
    Column("until", InstantMs),  # when it was told after all, and the call was said there
    Column("message", _Id),  # what was begun there; NULL: the webhook knew the incident already
)

suppressed_summary = Table(
    "suppressed_summary",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # quiet | only | maintenance | silence
    Column("name", Text, primary_key=True),
    Column("due_at", InstantMs, nullable=False),  # when what held ends: the summary is due
    Column("alerts", Integer, nullable=False),  # began and ended while held, and were told nobody
    Index("suppressed_summary_due", "due_at"),
)

pace = Table(
    "pace",
    metadata,
    Column("notifier", Text, primary_key=True),
    Column("method", Text, primary_key=True),  # "": every one
    Column("calls", Text, nullable=False, server_default=text("'[]'")),  # [[slice, calls], …] of the last minute
    Column("blocked_until", InstantMs),
    Column("failing_since", InstantMs),  # of "": no call came through since then
)

source = Table(
    "source",
    metadata,
    Column("name", Text, primary_key=True),
    Column("heard_at", InstantMs, nullable=False),
    Column("stale_since", InstantMs),  # while it is silent and its alerts fire: when it was last heard from
    Column("fresh_since", InstantMs),  # since it was silent the last time
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("source", Text, primary_key=True),  # whose own it is; "" for one of `heartbeats:`
    Column("name", Text, primary_key=True),
    Column("labels", Text, primary_key=True),  # [[name, value], …]: which of several that one heartbeat expects
    Column("created_at", InstantMs, nullable=False),
    Column("last_at", InstantMs),  # NULL: never heard of
    Column("due_at", InstantMs),  # of the sign of life that is missing
    Column("missing_since", InstantMs),
)

sender_group = Table(
    "sender_group",
    metadata,
    Column("group_no", BigInteger, primary_key=True, autoincrement=False),  # a hash of source, receiver and groupKey
    Column("alert_id", _Id, ForeignKey("alert.id"), primary_key=True, autoincrement=False),
    Column("heard_at", InstantMs, nullable=False),  # a webhook of the group that was looked into had it
    Column("absent_at", InstantMs),  # one that it should have been in did not
    Index("sender_group_alert", "alert_id"),
    Index(
        "sender_group_absent",
        "absent_at",
        sqlite_where=text("absent_at IS NOT NULL"),
        postgresql_where=text("absent_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

listening = Table(
    "listening",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("since", InstantMs, nullable=False),
    Column("until", InstantMs, nullable=False),
)

preview = Table(
    "preview",
    metadata,
    Column("seq", _Id, primary_key=True, autoincrement=True),
    Column("channel", Text, nullable=False),
    Column("ts", Text, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("changed_at", InstantMs, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("channel", "ts"),
    Index("preview_delivery", "delivery_id"),
    Index("preview_changed", "changed_at"),
    sqlite_autoincrement=True,
)
