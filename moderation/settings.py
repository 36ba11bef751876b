"""Every knob, read from the environment: the only module that does so."""

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from moderation.domain.budget import Budget
from moderation.domain.errors import InputRefused

_CHECKOUT = Path(__file__).parent.parent


class Settings(BaseSettings):
    """What an operator can set. Each field is an environment variable, `MODERATION_` and its name.

    `HOST` and `PORT` go without the prefix, as is the custom of process managers.
    """

    model_config = SettingsConfigDict(env_prefix="MODERATION_", extra="ignore")

    var: Path = Field(_CHECKOUT / "var", description="Folder of the default database and the secret.")
    models: Path = Field(
        _CHECKOUT / "models", description="The shelf: one folder a model, `current` names the live one."
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the `var` folder.")
    host: str = Field("127.0.0.1", validation_alias="HOST", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, validation_alias="PORT", description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Serving processes.")
    max_body_bytes: int = Field(
        2**20, ge=1024, description="Largest request body answered, in bytes; larger ones get 413."
    )
    max_batch: int = Field(1000, ge=1, le=10_000, description="Most comments in one batch request.")
    busy_seconds: float = Field(5.0, gt=0, description="How long a write waits for a locked SQLite database.")
    secure_cookies: bool = Field(False, description="Send the sign-in cookie over HTTPS only; set it behind TLS.")
    session_hours: int = Field(12, ge=1, description="How long a moderator stays signed in, in hours.")
    lost_at_most: float = Field(0.005, gt=0, lt=1, description="Share of good comments that may be lost as spam.")
    held_at_most: float = Field(0.05, gt=0, lt=1, description="Share of good comments that may be held or lost.")
    confidence: float = Field(0.95, ge=0.5, lt=1, description="How sure to be that both shares are kept.")

    @classmethod
    def from_environment(cls) -> Self:
        """Reads the environment; raises `InputRefused` naming every variable that cannot be used."""
        try:
            return cls()
        except ValidationError as error:
            faults = tuple((_variable(fault["loc"]), fault["msg"]) for fault in error.errors())
            named = "; ".join(f"{name}: {message}" for name, message in faults)
            raise InputRefused(f"These settings cannot be used: {named}.", faults) from None

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.var / 'moderation.db'}"

    @property
    def budget(self) -> Budget:
        """The budget of the sites without one of their own. Raises `InputRefused` when more may be lost than held."""
        return Budget(self.lost_at_most, self.held_at_most, self.confidence)


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else f"MODERATION_{name.upper()}"
