"""The open resources that every action receives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from moderation.domain.audit import AuditDraw
from moderation.domain.budget import Budget
from moderation.domain.people import ALL_SITES, SiteScope
from moderation.outbound.chat import ChatServer
from moderation.outbound.mail import MailServer
from moderation.outbound.oidc import Provider
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.storage.collected_fields import CollectedFields
from moderation.storage.kept_connection import KeptConnection
from moderation.storage.list_cache import ListCache
from moderation.storage.site_cache import SiteCache
from moderation.storage.site_weights_cache import SiteWeightsCache
from moderation.storage.writer import Writer


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that an action may use, opened once by `moderation.wiring`.

    Reads begin on `engine`; `kept_connection` serves the small ones of each request. `writer` runs the writes,
    `site_cache` finds sites by key, `collected_fields` the fields that a site collects, and `list_cache` its lists.
    `site_weights_cache` has the weights that its labels have taught.
    `secret` has 32 bytes: it keys the digests of site keys and of traits, signs sessions and encrypts callback keys.
    `secret_path` is its file. `budget` is the default for sites without their own. `audit` draws the decisions that a
    person looks at. `clock` returns an aware UTC time. `public_url` is the address under which people
    reach the service, empty if it is not known. `mail_server` sends the digests, `adviser` is asked about held
    comments, and `provider` signs people in, if there are any.
    `follows_models` says whether the live model is that of all machines, which reaches them through the database.
    `scope` has the sites that the caller may touch: the queue replaces it for each request by those on which the person
    has the permission that the page needs.
    """

    engine: Engine
    kept_connection: KeptConnection
    writer: Writer
    site_cache: SiteCache
    collected_fields: CollectedFields
    list_cache: ListCache
    site_weights_cache: SiteWeightsCache
    registry: ModelRegistry
    live_model: LiveModel
    secret: bytes
    secret_path: Path
    budget: Budget
    audit: AuditDraw
    clock: Callable[[], datetime]
    public_url: str
    mail_server: MailServer | None
    adviser: ChatServer | None
    provider: Provider | None
    follows_models: bool = False
    scope: SiteScope = ALL_SITES
