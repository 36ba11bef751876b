"""Settings, read from the environment. No other module reads it."""

import re
import shlex
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from moderation.domain.budget import Budget
from moderation.domain.errors import InvalidInput
from moderation.domain.oidc import MAX_ISSUER_LENGTH, parse_group_roles
from moderation.domain.urls import is_sent_in_clear, normalize_url

PATH_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
"""A path to put before others. Two slashes at its start would name another host in a link."""

_MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_PROJECT_ROOT = Path(__file__).parent.parent
_BUNDLED = Path(str(files("moderation") / "_bundled"))
# Only a built package has the folder. Any folder may have a pyproject.toml beside an installed package.
IS_CHECKOUT = not _BUNDLED.is_dir()


def shipped_file(name: str) -> Path:
    """Return the path of a file or folder that ships with the package, such as `models` or `data/starter.csv`."""
    return (_PROJECT_ROOT if IS_CHECKOUT else _BUNDLED) / name


def _default_var() -> Path:
    return _PROJECT_ROOT / "var" if IS_CHECKOUT else user_data_path("moderation", appauthor=False)


def _default_models(values: dict[str, Any]) -> Path:
    return _PROJECT_ROOT / "models" if IS_CHECKOUT else Path(values["var"]) / "models"


class Settings(BaseSettings):
    """Settings of an operator. Each field is an environment variable: `MODERATION_` and its name in capitals.

    `HOST` and `PORT` have no prefix, because process managers set these two.
    """

    model_config = SettingsConfigDict(env_prefix="MODERATION_", extra="ignore", env_ignore_empty=True)

    var: Path = Field(default_factory=_default_var, description="Folder of the default database and the secret.")
    models: Path = Field(
        default_factory=_default_models, description="Folder of the models; its file `current` names the live one."
    )
    model_source: Literal["folder", "database"] = Field(
        "folder",
        description="Where the live model comes from: the `folder` of the models, or the `database` of all machines.",
    )
    database_url: str = Field("", description="SQLAlchemy URL of the database; empty for SQLite in the `var` folder.")
    host: str = Field("127.0.0.1", validation_alias="HOST", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, validation_alias="PORT", description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Number of serving processes.")
    jobs: Literal["inside", "worker"] = Field(
        "inside",
        description="Place of the background jobs: `inside` the serving processes, or in a `worker`.",
    )
    retrain_days: int = Field(
        0, ge=0, le=366, description="Days between two retrainings by the background jobs; 0 for none."
    )
    retrain_arguments: str = Field(
        "", description="Corpora and options of these retrainings, as for `moderation retrain`."
    )
    retrain_max_hours: float = Field(12.0, gt=0, le=168, description="Time after which such a retraining is ended.")
    max_body_bytes: int = Field(
        2**20, ge=1024, description="Size limit of a request body, in bytes; a larger one is answered with 413."
    )
    body_timeout_seconds: float = Field(
        10.0, gt=0, le=300, description="Time in which a request body must arrive; a later one is answered with 408."
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` count.",
    )
    path_prefix: str = Field("", description="Path under which a proxy shows the service, such as `/moderation`.")
    public_url: str = Field(
        "", description="Address under which people reach the service, for links in messages; empty if there is none."
    )
    mail_from: str = Field("", description="Sender of the digests, such as `moderation@example.org`.")
    smtp_host: str = Field("", description="Mail server that sends the digests; empty for none.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="Encryption to the mail server: `starttls`, `tls` from the first byte, or `none`."
    )
    smtp_user: str = Field("", description="User at the mail server; empty for no login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password of that user.")
    adviser_model: str = Field("", max_length=200, description="Model that is asked about held comments.")
    adviser_url: str = Field(
        "", description="OpenAI-compatible address of that model, such as `http://127.0.0.1:11434/v1`; empty for none."
    )
    adviser_key: SecretStr = Field(SecretStr(""), description="Key for that address, sent as a bearer token.")
    adviser_timeout_seconds: float = Field(
        20.0, gt=0, le=120, description="Time in which that model must have answered, in seconds."
    )
    adviser_max_per_minute: int = Field(
        30, ge=1, le=600, description="Comments about which that model is asked in a minute."
    )
    max_checks_per_minute: int = Field(
        6000, ge=0, description="Comments that a site may have judged in a minute; 0 for no limit."
    )
    max_batch_size: int = Field(1000, ge=1, le=10_000, description="Limit of comments in one batch request.")
    busy_timeout_seconds: float = Field(
        1.0,
        gt=0,
        description="Time that a write waits for a locked database; with PostgreSQL, the limit of each statement.",
    )
    access_log: bool = Field(False, description="Log each request: method, route, status, duration and request id.")
    metrics_folder: Path | None = Field(
        None,
        validation_alias="PROMETHEUS_MULTIPROC_DIR",
        description="Folder in which several workers count for `/metrics`; `moderation serve` sets it.",
    )
    secure_cookies: bool = Field(False, description="Send the sign-in cookie over HTTPS only; set this behind TLS.")
    session_hours: int = Field(12, ge=1, description="Time after which a moderator has to sign in again, in hours.")
    oidc_client_id: str = Field("", max_length=500, description="Name of this service at the provider.")
    oidc_issuer: str = Field(
        "",
        max_length=MAX_ISSUER_LENGTH,
        description="Issuer of the OIDC provider that signs people in, such as `https://login.example.org`.",
    )
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Secret of this service at the provider.")
    oidc_client_secret_file: Path | None = Field(None, description="File with that secret, in the place of it.")
    oidc_scopes: str = Field("openid profile email", description="Scopes that the service asks for.")
    oidc_groups_claim: str = Field("groups", min_length=1, description="Claim that lists the groups of a person.")
    oidc_roles: str = Field("", description="JSON object of the roles of each group; empty admits no person.")
    oidc_link_by_email: bool = Field(
        False, description="Link a new person to the moderator with the same verified e-mail address."
    )
    require_totp: bool = Field(
        False, description="Lead a moderator without TOTP from the sign-in to its page, before any other."
    )
    max_lost_rate: float = Field(0.005, gt=0, lt=1, description="Highest rate of ham lost as spam.")
    max_held_rate: float = Field(0.05, gt=0, lt=1, description="Highest rate of ham held or lost.")
    confidence: float = Field(0.95, ge=0.5, lt=1, description="Confidence that both rates are kept.")
    coverage: float = Field(
        0.8, ge=0.5, lt=1, description="Proportion of new sites that must keep both rates before their ham proves it."
    )
    audit_share: float = Field(
        0.01, ge=0, le=1, description="Share of published and blocked comments that the random audit draws; 0 for none."
    )

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings in the environment. Raises `InvalidInput` that names every unusable variable."""
        try:
            return cls()
        except ValidationError as error:
            errors = tuple((_variable_name(item["loc"]), item["msg"]) for item in error.errors())
            sentences = "; ".join(f"{name}: {message}" for name, message in errors)
            raise InvalidInput(f"These settings cannot be used: {sentences}.", errors) from None

    @classmethod
    def unknown_variables(cls) -> list[str]:
        """Return the variables in the environment that look like a setting and are none, such as a mistyped one."""
        known = {_variable_name((name,)) for name in cls.model_fields}
        present = (name.upper() for name in EnvSettingsSource(cls).env_vars)
        return sorted(name for name in present if name.startswith("MODERATION_") and name not in known)

    @property
    def database(self) -> str:
        """URL of the database in use."""
        return self.database_url or f"sqlite:///{self.var / 'moderation.db'}"

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks of the trusted proxies."""
        return tuple(ip_network(part.strip()) for part in self.trusted_proxies.split(",") if part.strip())

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        for part in filter(None, map(str.strip, value.split(","))):
            try:
                ip_network(part)
            except ValueError:
                raise ValueError(f"{part} is neither an address nor a network such as 10.0.0.0/8") from None
        return value

    @field_validator("retrain_arguments")
    @classmethod
    def _check_retraining(cls, value: str) -> str:
        try:
            parts = shlex.split(value)
        except ValueError:
            raise ValueError("a quotation mark or a backslash has no counterpart") from None
        if any(part.partition("=")[0] == "--id" for part in parts):
            raise ValueError("leave --id out: each model needs another name")
        return value

    @field_validator("path_prefix")
    @classmethod
    def _trim_prefix(cls, value: str) -> str:
        trimmed = value.rstrip("/")
        if not PATH_PREFIX.fullmatch(trimmed):
            raise ValueError("this is no path such as /moderation")
        return trimmed

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        try:
            return normalize_url(value) if value else ""
        except InvalidInput:
            raise ValueError("this is no address such as https://moderation.example") from None

    @field_validator("mail_from")
    @classmethod
    def _check_sender(cls, value: str) -> str:
        if value and not _MAIL_ADDRESS.fullmatch(value):
            raise ValueError("this is no mail address such as moderation@example.org")
        return value

    @field_validator("smtp_host")
    @classmethod
    def _check_mail_settings(cls, value: str, others: ValidationInfo) -> str:
        missing = [f"MODERATION_{name.upper()}" for name in ("public_url", "mail_from") if not others.data.get(name)]
        if value and missing:
            raise ValueError(f"digests need {' and '.join(missing)}, too")
        return value

    @field_validator("smtp_user")
    @classmethod
    def _check_login(cls, value: str, others: ValidationInfo) -> str:
        if value and others.data.get("smtp_security") == "none":
            raise ValueError("without encryption the password would be read on its way: use starttls or tls")
        return value

    @field_validator("adviser_url")
    @classmethod
    def _check_adviser(cls, value: str, others: ValidationInfo) -> str:
        try:
            url = normalize_url(value) if value else ""
        except InvalidInput:
            raise ValueError("this is no address such as http://127.0.0.1:11434/v1") from None
        if not url.isascii():
            raise ValueError("write the host in ASCII, as xn--…")
        if url.endswith("/chat/completions"):
            raise ValueError("leave /chat/completions out, which is added")
        if url and not others.data.get("adviser_model"):
            raise ValueError("name the model in MODERATION_ADVISER_MODEL, too")
        return url

    @field_validator("adviser_key")
    @classmethod
    def _check_adviser_key(cls, value: SecretStr, others: ValidationInfo) -> SecretStr:
        key = value.get_secret_value()
        if not re.fullmatch("[!-~]*", key):
            raise ValueError("a key has letters, digits and signs of ASCII alone, without spaces")
        if key and is_sent_in_clear(others.data.get("adviser_url", "")):
            raise ValueError("without encryption the key would be read on its way: use https in MODERATION_ADVISER_URL")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str, others: ValidationInfo) -> str:
        try:
            is_usable = not value or (value.isascii() and normalize_url(value) in (value, value.rstrip("/")))
        except InvalidInput:
            is_usable = False
        if not is_usable or is_sent_in_clear(value):
            raise ValueError("this is no issuer such as https://login.example.org, to the letter")
        if value and not others.data.get("public_url"):
            raise ValueError("the provider sends people back to MODERATION_PUBLIC_URL: set it, too")
        if value and not re.fullmatch("[!-~]+", others.data.get("oidc_client_id", "")):
            raise ValueError("give the client id that the provider knows in MODERATION_OIDC_CLIENT_ID, too")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _check_scopes(cls, value: str) -> str:
        if "openid" not in value.split() or not re.fullmatch("[!-~ ]+", value):
            raise ValueError("openid must be one of the scopes, with spaces between them")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _check_roles(cls, value: str) -> str:
        try:
            parse_group_roles(value)
        except InvalidInput as error:
            raise ValueError(str(error)) from None
        return value

    @property
    def budget(self) -> Budget:
        """Budget of the sites without their own one. Raises `InvalidInput` when more may be lost than held."""
        return Budget(self.max_lost_rate, self.max_held_rate, self.confidence, self.coverage)


def _variable_name(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else f"MODERATION_{name.upper()}"
