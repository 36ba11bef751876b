"""The tables of the installation, people, sign-in, lists, rules, alarms, messages, views, jobs, backups and models."""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, false

from moderation.storage.columns import AnyText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

moderators = Table(
    "moderators",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", AnyText, nullable=False, unique=True),
    Column("password_hash", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Ids are never reused, or the session of a removed moderator would sign in the next one.
    sqlite_autoincrement=True,
)

# The roles of moderators on a site, or on all sites with a NULL, and the former ones. Without a foreign key to the
# moderators, and with their names: the rows outlive them.
grants = Table(
    "grants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("moderator_id", Integer, nullable=False),
    Column("name", AnyText, nullable=False),
    Column("site_id", Integer, ForeignKey("sites.id")),
    Column("role", AnyText, nullable=False),
    Column("granted_by", AnyText, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("revoked_by", AnyText),
    Column("revoked_at", UtcDateTime),
)
_in_force = grants.c.revoked_at.is_(None)
Index("ix_grants_in_force", grants.c.moderator_id, sqlite_where=_in_force, postgresql_where=_in_force)

# Sessions of moderators that have not been ended. `digest` is the SHA-256 of a random token that the cookie has.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", AnyText, primary_key=True),
    Column("moderator_id", Integer, ForeignKey("moderators.id"), nullable=False, index=True),
    Column("expires_at", UtcDateTime, nullable=False),
    # Whether the OIDC provider reported several factors at the sign-in.
    Column("has_second_factor", Boolean, nullable=False, server_default=false()),
)

# The TOTP secrets of moderators: one in force, and a new one that waits for its first code. `last_step` is the time
# step of the newest code that was accepted: no code of it or of an earlier one is accepted again.
totp = Table(
    "totp",
    metadata,
    Column("moderator_id", Integer, ForeignKey("moderators.id"), primary_key=True, autoincrement=False),
    Column("encrypted_secret", AnyText),
    Column("pending_secret", AnyText),
    Column("last_step", Integer),
    Column("enabled_at", UtcDateTime),
)

# The recovery codes that were not used. `digest` is the SHA-256 of a random code.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("moderator_id", Integer, ForeignKey("moderators.id"), primary_key=True, autoincrement=False),
    Column("digest", AnyText, primary_key=True),
    sqlite_with_rowid=False,
)

# Changes of a moderator's TOTP, for the log. Without a foreign key to the moderators, and with their names: the rows
# outlive them.
account_events = Table(
    "account_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("person", AnyText, nullable=False),
    Column("channel", AnyText, nullable=False),
    Column("event", AnyText, nullable=False),
    Column("name", AnyText, nullable=False),
)

# People whom the OIDC provider signs in, by the identity that it never gives to another.
identities = Table(
    "identities",
    metadata,
    Column("issuer", AnyText, primary_key=True),
    Column("subject", AnyText, primary_key=True),
    Column("moderator_id", Integer, ForeignKey("moderators.id"), nullable=False, unique=True),
    Column("linked_at", UtcDateTime, nullable=False),
)

# Sign-ins at the provider that have ended. `digest` is the SHA-256 of the state of one, which counts once.
used_states = Table(
    "used_states",
    metadata,
    Column("digest", AnyText, primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

# Tokens for parts of the API. `digest` is the SHA-256 of a random token, and `purposes` are names between spaces.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", Integer, ForeignKey("sites.id"), nullable=False),
    Column("name", AnyText, nullable=False),
    Column("digest", AnyText, nullable=False, unique=True),
    Column("purposes", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    # Ids are never reused, or a script would revoke another token than it means.
    sqlite_autoincrement=True,
)

# Lists of an operator, for one site or for all. An entry matches until it expires.
lists = Table(
    "lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", AnyText, nullable=False, unique=True),
    Column("site_id", Integer, ForeignKey("sites.id"), index=True),
    Column("weight", Double, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

list_entries = Table(
    "list_entries",
    metadata,
    Column("list_id", Integer, ForeignKey("lists.id"), primary_key=True),
    Column("kind", AnyText, primary_key=True),
    Column("key", AnyText, primary_key=True),
    Column("expires_at", UtcDateTime),
    sqlite_with_rowid=False,
)

# The authors that a site trusts or blocks, by a fact that the blog vouches for.
author_rules = Table(
    "author_rules",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True),
    Column("fact", AnyText, primary_key=True),
    Column("value", AnyText, primary_key=True),
    Column("standing", AnyText, nullable=False),
    Column("set_by", AnyText, nullable=False),
    Column("channel", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("reason", AnyText, nullable=False),
    sqlite_with_rowid=False,
)

# The alarms of sites, by the last examination.
alarms = Table(
    "alarms",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("kind", AnyText, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("detail", AnyText, nullable=False),
)

# Receivers of events, of one site or of all. `events` are names between spaces.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", AnyText, nullable=False),
    Column("events", AnyText, nullable=False),
    Column("site_id", Integer, ForeignKey("sites.id")),
    Column("allow_private", Boolean, nullable=False),
    Column("encrypted_secret", AnyText, nullable=False),
    # The secret before the last rotation, which signs until a time.
    Column("former_secret", AnyText),
    Column("former_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    # Ids are never reused, or a script would remove or rotate another webhook than it means.
    sqlite_autoincrement=True,
)

# Messages that are not delivered yet, or never were: `next_attempt_at` is NULL for an abandoned one.
webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("webhook_id", Integer, ForeignKey("webhooks.id"), nullable=False, index=True),
    Column("event", AnyText, nullable=False),
    # The facts of the event as JSON.
    Column("data", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("last_error", AnyText),
)
_unsent = webhook_messages.c.next_attempt_at.is_not(None)
Index(
    "ix_webhook_messages_next_attempt_at",
    webhook_messages.c.next_attempt_at,
    sqlite_where=_unsent,
    postgresql_where=_unsent,
)

# The moderators who get a digest. `covered_until` is the time up to which digests have told of events.
digests = Table(
    "digests",
    metadata,
    Column("moderator_id", Integer, ForeignKey("moderators.id"), primary_key=True, autoincrement=False),
    Column("email", AnyText, nullable=False),
    Column("period", AnyText, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("covered_until", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", AnyText),
)

# The moderators with an Atom feed. `digest` is the SHA-256 of the random token in its address.
feeds = Table(
    "feeds",
    metadata,
    Column("moderator_id", Integer, ForeignKey("moderators.id"), primary_key=True, autoincrement=False),
    Column("digest", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# The searches that a moderator gave a name. A query may name a person, and goes with the moderator.
saved_views = Table(
    "saved_views",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("moderator_id", Integer, ForeignKey("moderators.id"), nullable=False, index=True),
    Column("name", AnyText, nullable=False),
    Column("list", AnyText, nullable=False),
    Column("sort_order", AnyText, nullable=False),
    Column("query", AnyText, nullable=False),
)

# The verdicts of a shadow candidate, as JSON, and the place of the last decision that it was compared with.
shadow = Table(
    "shadow",
    metadata,
    Column("site_id", Integer, ForeignKey("sites.id"), primary_key=True, autoincrement=False),
    Column("model", AnyText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("decision_id", AnyText, nullable=False),
    Column("counts", AnyText, nullable=False),
    Column("changed", AnyText, nullable=False),
)

# The last run of each background job. `last_error` is the name of a class, as a message may quote a comment. A run that
# one process alone may make has a lease until a time, which that process prolongs.
job_runs = Table(
    "job_runs",
    metadata,
    Column("name", AnyText, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("result", AnyText, nullable=False),
    Column("succeeded_at", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("failed_at", UtcDateTime),
    Column("last_error", AnyText),
    Column("leased_until", UtcDateTime),
)

# One row: the id distinguishes this database from others, the digest its secret from others. The versions are other
# texts after every change: of a site, a key, a calibration or a list, and of a list.
installation = Table(
    "installation",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("secret_digest", AnyText),
    Column("sites_version", AnyText, nullable=False, server_default=""),
    Column("lists_version", AnyText, nullable=False, server_default=""),
    Column("oldest_program", AnyText, nullable=False, server_default="0046"),  # Revision of the code.
)

# The archives of backups that were written, by their paths, so that an erasure names the ones with the person.
backups = Table(
    "backups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# The models that went live on all machines, the newest last: it is the live one. A rollback deletes the newest row.
published_models = Table(
    "published_models",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", AnyText, nullable=False),
    # Of `card.json`, which has the SHA-256 of the other files.
    Column("card_sha256", AnyText, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
)

# The files of published models, in pieces.
model_chunks = Table(
    "model_chunks",
    metadata,
    Column("model", AnyText, primary_key=True),
    Column("file", AnyText, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)
