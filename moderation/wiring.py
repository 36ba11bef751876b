"""The wiring: the only module that knows every part."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from moderation.actions import secret
from moderation.actions.label_content import make_features
from moderation.actions.retraining_job import RetrainingPlan
from moderation.actions.run_lock import reject_interrupted_restore
from moderation.actions.services import Services
from moderation.actions.similarity import index_missing
from moderation.domain.audit import AuditDraw
from moderation.domain.errors import InvalidInput, StorageUnavailable
from moderation.domain.oidc import SignInRules, parse_group_roles
from moderation.outbound.chat import ChatServer
from moderation.outbound.mail import MailServer
from moderation.outbound.oidc import OidcClient, Provider
from moderation.registry.live_model import LiveModel
from moderation.registry.model_registry import ModelRegistry
from moderation.registry.stored_model import StoredModel
from moderation.scoring.model import Model
from moderation.settings import IS_CHECKOUT, Settings, shipped_file
from moderation.storage.collected_fields import CollectedFields
from moderation.storage.kept_connection import KeptConnection
from moderation.storage.list_cache import ListCache
from moderation.storage.migrate import open_current, upgrade
from moderation.storage.site_cache import SiteCache
from moderation.storage.site_weights_cache import SiteWeightsCache
from moderation.storage.writer import Writer

MIGRATION_WAIT_SECONDS = 30.0
"""Time that a migration waits for a locked database: another process may be migrating it."""


def open_services(settings: Settings, *, patient: bool = False) -> Services:
    """Open the services on an existing database. With `patient` a statement on PostgreSQL takes as long as it needs.

    Raises `StorageUnavailable` when the database or the secret is missing, of another version, or of another database.
    """
    return _open_services(settings, create_secret=False, patient=patient)


def prepare(settings: Settings) -> Services:
    """Create the missing ones of folder, database and secret, migrate the database, and open the services.

    Changes nothing on a second run. Raises `StorageUnavailable` when the folder or the database cannot be used, or when
    the secret is not that of the database.
    """
    is_at_head = _create_database(settings, max(settings.busy_timeout_seconds, MIGRATION_WAIT_SECONDS))
    if not IS_CHECKOUT:
        _install_shipped_models(settings)
    services = _open_services(settings, create_secret=True, patient=True)
    try:
        # A newer program has made both for its own features, and this one would replace them.
        if is_at_head:
            index_missing(services)
            make_features(services)
    finally:
        services.engine.dispose()
    return services


def replace_secret(settings: Settings) -> secret.ReplacedSecret:
    """Replace a lost secret by a new one. Returns how much depended on it. Raises `StorageUnavailable`."""
    _create_database(settings, settings.busy_timeout_seconds)
    database = open_current(settings.database, settings.busy_timeout_seconds, patient=True)
    with database as engine, _name_folder_errors(settings):
        return secret.replace_secret(engine, _secret_path(settings), datetime.now(UTC))


def open_registry(settings: Settings) -> ModelRegistry:
    """Return the models alone, for commands that need no database."""
    return ModelRegistry(settings.models)


def _install_shipped_models(settings: Settings) -> None:
    """Copy the models of the package to the registry, which the package itself cannot be: it may be read-only."""
    try:
        open_registry(settings).install(shipped_file("models"))
    except OSError as error:
        raise StorageUnavailable(f"The folder {settings.models} cannot be used: {error.strerror}.") from error


def retraining_plan(settings: Settings) -> RetrainingPlan | None:
    """Return how the background jobs retrain, `None` if they do not."""
    if not settings.retrain_days:
        return None
    return RetrainingPlan(
        # -P: a module of the working directory must not take the place of the package.
        command=[sys.executable, "-P", "-m", "moderation", "retrain", *shlex.split(settings.retrain_arguments)],
        every=timedelta(days=settings.retrain_days),
        max_seconds=3_600 * settings.retrain_max_hours,
        output=settings.var / "retraining.log",
    )


def load_model(settings: Settings, model_id: str | None) -> Model:
    """Return the model with this id, or the live model without one. Its second reader is never skipped.

    Raises `NotFound` for an unknown model, `ModelUnavailable` for one that cannot be loaded or when none is live.
    """
    registry = open_registry(settings)
    return (LiveModel(registry).current() if model_id is None else registry.load(model_id)).patient()


def load_stored_model(settings: Settings, model_id: str) -> StoredModel:
    """Return the model with this id as `load_model` does, in a form that other processes load themselves."""
    return StoredModel.load(open_registry(settings), model_id)


def _open_services(settings: Settings, *, create_secret: bool, patient: bool) -> Services:
    reject_interrupted_restore(settings.var)
    registry, path = open_registry(settings), _secret_path(settings)
    with open_current(settings.database, settings.busy_timeout_seconds, patient=patient) as engine:
        if create_secret:
            with _name_folder_errors(settings):
                secret.create_secret(engine, path)
        kept_connection, key = KeptConnection(engine), secret.read_secret(engine, path)
        services = Services(
            engine=engine,
            kept_connection=kept_connection,
            writer=Writer(engine),
            site_cache=SiteCache(engine, kept_connection),
            collected_fields=CollectedFields(engine),
            list_cache=ListCache(engine),
            site_weights_cache=SiteWeightsCache(engine, kept_connection),
            registry=registry,
            live_model=LiveModel(registry),
            secret=key,
            secret_path=path,
            budget=settings.budget,
            audit=AuditDraw(key, settings.audit_share),
            clock=partial(datetime.now, UTC),
            public_url=settings.public_url,
            mail_server=_mail_server(settings),
            adviser=_adviser(settings),
            provider=_provider(settings),
            follows_models=settings.model_source == "database",
        )
        if create_secret:
            secret.adopt_secret(services)
        problem = secret.secret_problem(services)
        if problem is not None:
            raise StorageUnavailable(problem)
    return services


def _mail_server(settings: Settings) -> MailServer | None:
    if not settings.smtp_host:
        return None
    return MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
        settings.mail_from,
    )


def _adviser(settings: Settings) -> ChatServer | None:
    if not settings.adviser_url:
        return None
    key, seconds = settings.adviser_key.get_secret_value(), settings.adviser_timeout_seconds
    return ChatServer(settings.adviser_url, settings.adviser_model, key, seconds)


def _provider(settings: Settings) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    if find_spec("authlib") is None:
        raise InvalidInput("MODERATION_OIDC_ISSUER needs Authlib, an extra: pip install 'moderation[oidc]'.")
    roles, by_email = parse_group_roles(settings.oidc_roles), settings.oidc_link_by_email
    rules = SignInRules(settings.oidc_groups_claim, roles, by_email)
    client_id, client_secret = settings.oidc_client_id, _client_secret(settings)
    return Provider(OidcClient(settings.oidc_issuer, client_id, client_secret, settings.oidc_scopes, rules))


def _client_secret(settings: Settings) -> str:
    secret = settings.oidc_client_secret.get_secret_value()
    try:
        if settings.oidc_client_secret_file is not None:
            secret = settings.oidc_client_secret_file.read_text("ascii").strip()
    except (OSError, ValueError):
        raise InvalidInput("The file of MODERATION_OIDC_CLIENT_SECRET_FILE cannot be read as ASCII.") from None
    if not secret.isascii() or not secret.isprintable():
        raise InvalidInput("MODERATION_OIDC_CLIENT_SECRET has letters, digits and signs of ASCII alone.")
    return secret


def _create_database(settings: Settings, wait_seconds: float) -> bool:
    """Create the folder and the database, or migrate it. Returns whether it is at this program's revision."""
    reject_interrupted_restore(settings.var)
    with _name_folder_errors(settings):
        settings.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    return upgrade(settings.database, wait_seconds)


@contextmanager
def _name_folder_errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"The folder {settings.var} cannot be used: {error.strerror}.") from error


def _secret_path(settings: Settings) -> Path:
    return settings.var / "secret"
